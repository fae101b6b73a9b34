// Package asgi is a backend that is not ours: an ASGI app in Python, bare or a Django site, that knows no
// lifespan, under real gunicorn with uvicorn workers or under uvicorn itself. Server says how it is served,
// the wrong ways included, and Command how that is started; the files lie in this package and Write puts
// them into the run's folder. It starts no process, and needs Debian's packages: Missing tells which.
//
// The app answers /, /healthz, /swagger (with a status of one's choice), /work?cpu=<ms> (uses so much of a
// processor: on the event loop in the bare app, in a thread in Django's), /slow?ms=<ms> (waits, and the event loop goes
// on), /stuck?ms=<ms> (blocks the event loop) and /shared?ms=<ms>&lock=<ms>&peer=<ms> (waits so long on average, then holds a lock of
// all workers, for longer the more of them there are). Each request leaves two lines on stdout, which Ledger reads.
package asgi

import (
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Apps.
const (
	Plain  = "plain"  // bare ASGI
	Django = "django" // get_asgi_application()
)

// Programs of Debian's packages. Their modules belong to Debian's Python, not to the first on the PATH.
const (
	python   = "/usr/bin/python3"
	gunicorn = "/usr/bin/gunicorn"
	uvicorn  = "/usr/bin/uvicorn"
)

//go:embed python/*.py
var files embed.FS

// Write puts the app's files into dir, which must exist.
func Write(dir string) error {
	entries, err := files.ReadDir("python")
	if err != nil {
		return fmt.Errorf("ASGI app: %w", err)
	}
	for _, e := range entries {
		data, err := files.ReadFile("python/" + e.Name())
		if err != nil {
			return fmt.Errorf("ASGI app: %w", err)
		}
		if err := os.WriteFile(filepath.Join(dir, e.Name()), data, 0o644); err != nil {
			return fmt.Errorf("ASGI app: %w", err)
		}
	}
	return nil
}

// Missing says why the servers cannot run here, nil when they can.
func Missing() error {
	return missing([]string{python, gunicorn, uvicorn}, []string{"django", "uvicorn", "gunicorn", "asgiref"})
}

func missing(programs, modules []string) error {
	var missing []string
	for _, p := range programs {
		if _, err := os.Stat(p); err != nil {
			missing = append(missing, p)
		}
	}
	if len(missing) == 0 {
		args := append([]string{"-c", "import sys, importlib.util as u; print(*(m for m in sys.argv[1:] if not u.find_spec(m)))"}, modules...)
		out, err := exec.Command(python, args...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%s does not run: %w: %s", python, err, out)
		}
		for _, module := range strings.Fields(string(out)) {
			missing = append(missing, "the module "+module+" of "+python)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("missing: %s (apt-get install gunicorn uvicorn python3-uvicorn python3-django)", strings.Join(missing, ", "))
	}
	return nil
}
