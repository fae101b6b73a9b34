package hooks

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

// maxStderr bounds what a step prints, in bytes.
const maxStderr = 64 << 10

// Step is what one call of a hook does, in this order: print Stderr, wait for Delay, kill or restart
// the AI worker, then hang, die by Signal or exit with Code. In JSON the delay is written "1.5s".
type Step struct {
	Code    int             `json:"code,omitempty"`    // exit code, 0 to 255
	Delay   script.Duration `json:"delay,omitempty"`   // 0 to 10 min
	Stderr  string          `json:"stderr,omitempty"`  // at most 64 KB
	Hang    bool            `json:"hang,omitempty"`    // do not end before somebody kills the process, or another plan is in force: then end with LetGoCode
	Signal  string          `json:"signal,omitempty"`  // die by it: "KILL", "TERM", "SEGV", …
	Restart bool            `json:"restart,omitempty"` // restart the AI worker
	Kill    bool            `json:"kill,omitempty"`    // kill the AI worker and leave it dead
}

// Check tells what is wrong with the step.
func (s Step) Check() error {
	if s.Code < 0 || s.Code > 255 {
		return fmt.Errorf("code %d is no exit code: want 0 to 255", s.Code)
	}
	if err := script.CheckDelay("delay", s.Delay); err != nil {
		return err
	}
	if len(s.Stderr) > maxStderr {
		return fmt.Errorf("stderr of %d bytes: want at most %d", len(s.Stderr), maxStderr)
	}
	if s.Signal != "" && deadly(s.Signal) == 0 {
		return fmt.Errorf("signal %q ends no process: want KILL, TERM, INT, HUP, QUIT, ABRT, SEGV, BUS, PIPE, ALRM, USR1 or USR2", s.Signal)
	}
	ends := 0
	for _, set := range []bool{s.Code != 0, s.Hang, s.Signal != ""} {
		if set {
			ends++
		}
	}
	if ends > 1 {
		return errors.New("a step either exits with a code, hangs or dies by a signal")
	}
	if s.Restart && s.Kill {
		return errors.New("a step either restarts the AI worker or kills it")
	}
	return nil
}

// exit is the exit code that the caller of the hook sees; 128+n for death by signal n.
func (s Step) exit() int {
	if s.Signal != "" {
		return 128 + int(deadly(s.Signal))
	}
	return s.Code
}

// UnmarshalJSON reads a step and checks it; an unknown field is an error.
func (s *Step) UnmarshalJSON(data []byte) error {
	type plain Step
	*s = Step{} // an element of a list may hold a former one
	return script.DecodeChecked("hook step", data, (*plain)(s), func() error { return s.Check() })
}

// deadly gives the number of a signal that ends a process, 0 for any other name.
func deadly(name string) unix.Signal {
	switch name {
	case "KILL", "TERM", "INT", "HUP", "QUIT", "ABRT", "SEGV", "BUS", "PIPE", "ALRM", "USR1", "USR2":
		return unix.SignalNum("SIG" + name)
	}
	return 0
}
