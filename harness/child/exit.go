package child

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// Running is the Code of an Exit that has not happened yet.
const Running = -1

// Exit tells how a process ended.
type Exit struct {
	Code   int            // 0–255 as given to exit(2), 128+n when signal n ended it, Running before the end
	Signal syscall.Signal // the signal that ended it, 0 when it exited by itself
}

// OK tells whether the process exited with 0.
func (e Exit) OK() bool { return e.Code == 0 }

// String gives "exit 3", "killed by SIGKILL (137)" or "running".
func (e Exit) String() string {
	switch {
	case e.Signal != 0:
		return fmt.Sprintf("killed by %s (%d)", SignalName(e.Signal), e.Code)
	case e.Code == Running:
		return "running"
	}
	return fmt.Sprintf("exit %d", e.Code)
}

// SignalName gives "SIGKILL" for 9, and "signal 40" for a signal without a name.
func SignalName(s syscall.Signal) string {
	if name := unix.SignalName(s); name != "" {
		return name
	}
	return fmt.Sprintf("signal %d", int(s))
}

// Decode turns an exit status as a shell or an orchestrator reports it (128+n for signal n) into an
// Exit. A code above 128 that fits no signal stays a plain code.
func Decode(code int) Exit {
	s := syscall.Signal(code - 128)
	if code > 128 && unix.SignalName(s) != "" {
		return Exit{Code: code, Signal: s}
	}
	return Exit{Code: code}
}

func exitOf(ws syscall.WaitStatus) Exit {
	if ws.Signaled() {
		return Exit{Code: 128 + int(ws.Signal()), Signal: ws.Signal()}
	}
	return Exit{Code: ws.ExitStatus()}
}
