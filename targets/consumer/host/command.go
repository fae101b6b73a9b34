package host

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// ErrNotSet means that no executable is configured.
var ErrNotSet = errors.New("no executable is set")

// Command is an executable with its arguments and the time it may take.
type Command struct {
	Path    string
	Args    []string
	Timeout time.Duration // 0: 1 minute
}

// Outcome is how a command ended.
type Outcome struct {
	Code     int            // exit code; -1 when it has none
	Signal   syscall.Signal // it died by this signal; 0: it did not
	TimedOut bool           // it was killed because it took too long
	Err      error          // it could not be run, or was stopped by us
	Stderr   string         // the end of what it said
	Took     time.Duration
}

func (o Outcome) String() string {
	var how string
	switch {
	case o.TimedOut:
		how = fmt.Sprintf("killed after %v without an end", o.Took.Round(time.Millisecond))
	case o.Err != nil:
		how = "not run: " + o.Err.Error()
	case o.Signal != 0:
		how = fmt.Sprintf("died by signal %d (%v), code %d", int(o.Signal), o.Signal, 128+int(o.Signal))
	default:
		how = fmt.Sprintf("exit code %d", o.Code)
	}
	if o.Stderr != "" {
		how += ", stderr: " + o.Stderr
	}
	return how
}

// Run runs the command and waits for it. When it takes too long, or ctx ends, its whole process group
// is killed. What it leaves running in the background after a normal end is left alone: that is how
// a restart starts things.
func (c Command) Run(ctx context.Context) Outcome {
	if c.Path == "" {
		return Outcome{Code: -1, Err: ErrNotSet}
	}
	limit := c.Timeout
	if limit <= 0 {
		limit = time.Minute
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	start := time.Now()
	o := c.run(ctx, limited)
	for range busyTries { // somebody is writing the file at this very moment, as a deploy does
		if !errors.Is(o.Err, syscall.ETXTBSY) {
			break
		}
		time.Sleep(busyWait)
		o = c.run(ctx, limited)
	}
	o.Took = time.Since(start)
	return o
}

const (
	busyTries = 10
	busyWait  = 10 * time.Millisecond
)

// run runs it once, until limited ends; ctx tells whether that was our own doing.
func (c Command) run(ctx, limited context.Context) Outcome {
	var stderr tail
	cmd := exec.CommandContext(limited, c.Path, c.Args...)
	cmd.Stderr = &stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second // a background process may hold stderr open
	err := cmd.Run()
	o := Outcome{Code: -1, Stderr: stderr.String()}
	if err == nil || errors.Is(err, exec.ErrWaitDelay) {
		o.Code = 0
		return o
	}
	exit, exited := errors.AsType[*exec.ExitError](err)
	if exited && exit.Exited() {
		o.Code = exit.ExitCode() // it ended by itself, even if time ran out at the same moment
		return o
	}
	switch {
	case ctx.Err() != nil:
		o.Err = fmt.Errorf("stopped: %w", ctx.Err())
	case limited.Err() != nil:
		o.TimedOut = true
	case exited:
		o.Signal = exit.Sys().(syscall.WaitStatus).Signal()
	default:
		o.Err = err
	}
	return o
}

// tail keeps the end of what is written to it.
type tail struct {
	kept []byte
}

const tailSize = 2048

func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if extra := len(t.kept) - tailSize; extra > 0 {
		t.kept = append(t.kept[:0], t.kept[extra:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	return strings.TrimSpace(strings.ToValidUTF8(string(t.kept), "?"))
}
