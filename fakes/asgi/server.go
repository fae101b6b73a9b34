package asgi

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

// Ways in which somebody can tell a server its lifespan mode.
const (
	ByOption = "option" // --lifespan: uvicorn takes it; to gunicorn it is an unknown option, which ends it
	ByEnv    = "env"    // UVICORN_LIFESPAN: reaches uvicorn's own command line only; under gunicorn it changes nothing
	ByWorker = "worker" // a worker class of one's own: how it is done under gunicorn
)

// Server says how the app is served. The zero value works: the bare app under uvicorn, one worker.
type Server struct {
	App      string          `json:"app,omitempty"`      // Plain or Django; empty: Plain
	Gunicorn bool            `json:"gunicorn,omitempty"` // with uvicorn workers
	Workers  int             `json:"workers,omitempty"`  // 0: 1
	Timeout  script.Duration `json:"timeout,omitempty"`  // of gunicorn for a worker that gives no sign of life, in whole seconds; 0: its 30 s
	Lifespan string          `json:"lifespan,omitempty"` // auto, on or off; empty: not said, so auto
	By       string          `json:"by,omitempty"`       // how the lifespan mode is told; empty: ByOption
	Name     string          `json:"name,omitempty"`     // in X-Backend; empty: "asgi"
	Version  string          `json:"version,omitempty"`  // in X-Version; empty: "1"
	Swagger  int             `json:"swagger,omitempty"`  // status of /swagger, 200 to 599; 0: 200
	Migrate  script.Duration `json:"migrate,omitempty"`  // a migration of this length runs before the server: `migrate && gunicorn …`
	BadExit  int             `json:"badExit,omitempty"`  // the migration fails with this exit code
}

// Command is how to start a server.
type Command struct {
	Path string
	Args []string
	Env  []string // on top of the environment
	Dir  string
}

// Check tells what is wrong with the server.
func (s Server) Check() error {
	switch {
	case !slices.Contains([]string{"", Plain, Django}, s.App):
		return fmt.Errorf("app %q: want %s or %s", s.App, Plain, Django)
	case s.Workers < 0 || s.Workers > 100:
		return fmt.Errorf("workers %d is out of range: want 0 to 100", s.Workers)
	case s.Timeout != 0 && !s.Gunicorn:
		return errors.New("only gunicorn has a timeout")
	case s.Timeout%script.Duration(time.Second) != 0 || s.Timeout < 0:
		return fmt.Errorf("timeout %v: want whole seconds", s.Timeout)
	case !slices.Contains([]string{"", "auto", "on", "off"}, s.Lifespan):
		return fmt.Errorf("lifespan %q: want auto, on or off", s.Lifespan)
	case s.By != "" && (s.Lifespan == "" || !slices.Contains([]string{ByOption, ByEnv, ByWorker}, s.By)):
		return fmt.Errorf("by %q: a lifespan is told by %s, %s or %s", s.By, ByOption, ByEnv, ByWorker)
	case s.By == ByWorker && (!s.Gunicorn || s.Lifespan == "auto"):
		return errors.New("by worker: only gunicorn has worker classes, and there are those for on and off")
	case s.Swagger != 0 && (s.Swagger < 200 || s.Swagger > 599):
		return fmt.Errorf("swagger %d is out of range: want 200 to 599", s.Swagger)
	case s.BadExit < 0 || s.BadExit > 255:
		return fmt.Errorf("badExit %d is out of range: want 0 to 255", s.BadExit)
	}
	return script.CheckDelay("migrate", s.Migrate)
}

// UnmarshalJSON reads a server and checks it; an unknown field is an error.
func (s *Server) UnmarshalJSON(data []byte) error {
	type plain Server
	*s = Server{} // an element of a list may hold a former one
	return script.DecodeChecked("ASGI server", data, (*plain)(s), func() error { return s.Check() })
}

// Command is what starts the server on addr, host:port, with the app's files in dir.
func (s Server) Command(dir, addr string) (Command, error) {
	if err := s.Check(); err != nil {
		return Command{}, fmt.Errorf("ASGI server: %w", err)
	}
	host, port, ok := strings.Cut(addr, ":")
	if !ok {
		return Command{}, fmt.Errorf("ASGI server: address %q: want host:port", addr)
	}
	line := []string{uvicorn, s.app(), "--host", host, "--port", port, "--no-access-log", "--workers", s.workers()}
	if s.Gunicorn {
		line = []string{gunicorn, s.app(), "-b", addr, "-w", s.workers(), "-k", s.worker()}
	}
	if s.Timeout > 0 {
		line = append(line, "--timeout", strconv.Itoa(int(time.Duration(s.Timeout)/time.Second)))
	}
	if s.Lifespan != "" && cmp.Or(s.By, ByOption) == ByOption {
		line = append(line, "--lifespan", s.Lifespan)
	}
	c := Command{Path: line[0], Args: line[1:], Env: s.env(), Dir: dir}
	if s.Migrate > 0 || s.BadExit > 0 {
		// exec, so that a signal to this process reaches the server.
		c.Path, c.Args = "/bin/sh", []string{"-c", python + ` migrate.py && exec "$@"`, "sh"}
		c.Args = append(c.Args, line...)
	}
	return c, nil
}

func (s Server) app() string {
	if s.App == Django {
		return "web:application"
	}
	return "plain:application"
}

func (s Server) workers() string { return strconv.Itoa(max(s.Workers, 1)) }

func (s Server) worker() string {
	switch {
	case s.By == ByWorker && s.Lifespan == "on":
		return "workers.LifespanOn"
	case s.By == ByWorker:
		return "workers.LifespanOff"
	}
	return "uvicorn.workers.UvicornWorker"
}

func (s Server) env() []string {
	env := []string{
		"PYTHONDONTWRITEBYTECODE=1",      // the run's folder holds what was put there
		"WEB_CONCURRENCY=" + s.workers(), // for /shared; the command line says the same
		"ASGI_NAME=" + cmp.Or(s.Name, "asgi"),
		"ASGI_VERSION=" + cmp.Or(s.Version, "1"),
		"ASGI_SWAGGER=" + strconv.Itoa(cmp.Or(s.Swagger, 200)),
		"ASGI_MIGRATE_SECONDS=" + strconv.FormatFloat(time.Duration(s.Migrate).Seconds(), 'f', -1, 64),
		"ASGI_MIGRATE_EXIT=" + strconv.Itoa(s.BadExit),
	}
	if s.By == ByEnv {
		env = append(env, "UVICORN_LIFESPAN="+s.Lifespan)
	}
	return env
}
