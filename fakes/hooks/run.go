package hooks

import (
	"context"
	"fmt"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/comeback-chaos/xk6-comeback/fakes/control"
)

// Run is the hook's process: it tells the lab at socket its arguments, does as it is told and returns
// the exit code; it does not return when it is told to die by a signal. When the lab is gone it
// returns FakeCode at once, with the reason on stderr.
func Run(ctx context.Context, socket, name string, args []string, stderr io.Writer) int {
	code, err := run(ctx, socket, name, args, stderr)
	if err != nil {
		fmt.Fprintf(stderr, "fake hook %s: %v\n", name, err)
		return FakeCode
	}
	return code
}

func run(ctx context.Context, socket, name string, args []string, stderr io.Writer) (int, error) {
	c, err := control.Dial(ctx, socket, control.Hello{Role: Role, Name: name})
	if err != nil {
		return 0, err
	}
	defer c.Close()
	if args == nil {
		args = []string{}
	}
	if err := c.Send(msgCall, args); err != nil {
		return 0, err
	}
	for {
		m, err := c.Receive()
		if err != nil {
			return 0, fmt.Errorf("%w: %w", control.ErrLabGone, err)
		}
		switch m.Type {
		case msgPrint:
			var text string
			if err := m.Into(&text); err != nil {
				return 0, err
			}
			if _, err := io.WriteString(stderr, text); err != nil {
				return 0, fmt.Errorf("write stderr: %w", err)
			}
		case msgExit:
			var o order
			if err := m.Into(&o); err != nil {
				return 0, err
			}
			return obey(c, o)
		default:
			return 0, fmt.Errorf("the lab said %q: %s", m.Type, m.Body)
		}
	}
}

func obey(c *control.Conn, o order) (int, error) {
	if err := c.Send(msgExiting, o); err != nil {
		return 0, err
	}
	if o.Signal == "" {
		return o.Code, nil
	}
	return 0, dieBy(o.Signal)
}

// dieBy ends this process by the signal. The shell does it, in our place and under our pid, because
// the Go runtime turns some signals into an exit code of its own. No core file is left. A signal that
// is ignored here (HUP under nohup) ends it with FakeCode.
func dieBy(signal string) error {
	if deadly(signal) == 0 {
		return fmt.Errorf("die by signal %q: no such signal", signal)
	}
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("die by signal %s: forbid a core file: %w", signal, err)
	}
	err := syscall.Exec("/bin/sh", []string{"sh", "-c", "kill -s " + signal + " $$; exit 125"}, os.Environ())
	return fmt.Errorf("die by signal %s: exec /bin/sh: %w", signal, err)
}
