package child

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// reaperScript outlives the harness. A line on stdin means that the group was closed in order; the
// end of stdin means that the harness is gone. Then every process that carries the group's mark in
// its environment is killed, until two looks in a row find none, and the directory is removed. The
// mark cannot hit a stranger, as a recycled pid could. About 10 s at most. $1 is the directory.
const reaperScript = `
trap '' INT TERM HUP QUIT
read -r word && exit 0
n=0 quiet=0
while [ "$n" -lt 200 ]; do
	n=$((n + 1)) quiet=$((quiet + 1))
	for f in $(grep -lszxF -e "COMEBACK_LAB=$1" /proc/[0-9]*/environ); do
		p=${f#/proc/}
		kill -9 "${p%/environ}" && quiet=0
	done
	[ "$quiet" -gt 0 ] && rm -rf -- "$1"
	[ "$quiet" -gt 1 ] && [ ! -e "$1" ] && exit 0
	sleep 0.05
done
exit 1
`

// reaperPatience bounds the wait for a reaper that was told to end.
const reaperPatience = 5 * time.Second

// reaper cleans up after a harness that could not do so itself.
type reaper struct {
	cmd  *exec.Cmd
	line io.WriteCloser // the only write end: closed by the kernel when the harness ends
}

// startReaper is called before dir exists, so that there is no moment at which dir has no reaper.
func startReaper(dir string) (*reaper, error) {
	r, w, err := os.Pipe() // both ends close on exec: no child holds the write end
	if err != nil {
		return nil, fmt.Errorf("child: pipe for the reaper: %w", err)
	}
	defer r.Close()
	cmd := exec.Command("/bin/sh", "-c", reaperScript, "comeback-reaper", dir)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin"}
	cmd.Stdin = r
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		w.Close()
		return nil, fmt.Errorf("child: start the reaper (/bin/sh): %w", err)
	}
	return &reaper{cmd: cmd, line: w}, nil
}

// dismiss ends the reaper without its doing anything.
func (r *reaper) dismiss() error {
	_, werr := io.WriteString(r.line, "closed\n")
	r.line.Close()
	late := time.AfterFunc(reaperPatience, func() { _ = r.cmd.Process.Kill() })
	defer late.Stop()
	if err := r.cmd.Wait(); err != nil {
		return fmt.Errorf("child: the reaper did not end in order: %w", err)
	}
	if werr != nil {
		return fmt.Errorf("child: tell the reaper to end: %w", werr)
	}
	return nil
}

// release leaves what is still there to the reaper, which goes on by itself.
func (r *reaper) release() {
	r.line.Close()
	_ = r.cmd.Process.Release()
}
