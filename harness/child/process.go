package child

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// killPatience bounds the wait for the end of a process after SIGKILL.
const killPatience = 5 * time.Second

// drainPatience bounds the wait for the last lines of a process that has ended: a process that it
// left behind may hold the pipe for ever.
const drainPatience = 500 * time.Millisecond

// Process is one process of a Group.
type Process struct {
	g     *Group
	spec  Spec
	cmd   *exec.Cmd
	pid   int
	stdin *os.File // nil without Spec.Stdin
	out   *output
	done  chan struct{}

	mu       sync.Mutex // a signal is sent only while the process, or its zombie, holds the pid
	reaped   bool
	expected bool
	killRest bool // what the process leaves of its process group dies with it
	exit     Exit
}

// Name is the Spec's.
func (p *Process) Name() string { return p.spec.Name }

// PID is the process's, and that of its process group.
func (p *Process) PID() int { return p.pid }

// Done closes when the process has ended and OnExit was told. Its last lines may still be on their way.
func (p *Process) Done() <-chan struct{} { return p.done }

// Drained closes when the process has ended and its last line was passed on. A process that it left
// behind may hold that up until the group is closed.
func (p *Process) Drained() <-chan struct{} { return p.out.drained }

// Exit tells how the process ended; its Code is Running before Done.
func (p *Process) Exit() Exit {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.exit
}

// Stdin is the process's standard input, nil without Spec.Stdin. It has a SetWriteDeadline method,
// for a process that does not read.
func (p *Process) Stdin() io.WriteCloser {
	if p.stdin == nil {
		return nil
	}
	return p.stdin
}

// Stdout gives the lines of stdout so far (with Spec.CaptureStdout), up to 1 MB. After the end of the
// process it first waits for the last of them, 0.5 s at most.
func (p *Process) Stdout() []byte {
	select {
	case <-p.done:
		limit := time.NewTimer(drainPatience)
		defer limit.Stop()
		select {
		case <-p.out.drained:
		case <-limit.C:
		}
	default:
	}
	return p.out.captured()
}

// Expect says that the end of the process is the lab's or a fault's doing. OnExit is told so.
func (p *Process) Expect() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expected = true
}

// Unexpect takes Expect back: what it said did not come.
func (p *Process) Unexpect() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expected = false
}

// Signal sends s to the whole process group. It gives os.ErrProcessDone after the end of the process.
func (p *Process) Signal(s os.Signal) error {
	sig, ok := s.(syscall.Signal)
	if !ok {
		return fmt.Errorf("child: signal %s: %v is no signal of this system", p.Name(), s)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.signal(sig)
}

func (p *Process) signal(s syscall.Signal) error {
	if p.reaped {
		return fmt.Errorf("child: send %s to %s: %w", SignalName(s), p.Name(), os.ErrProcessDone)
	}
	if err := syscall.Kill(-p.pid, s); err != nil {
		return fmt.Errorf("child: send %s to %s (pid %d): %w", SignalName(s), p.Name(), p.pid, err)
	}
	return nil
}

// Kill sends SIGKILL to the process group and marks the end as expected. It does not wait.
func (p *Process) Kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expected, p.killRest = true, true
	_ = p.signal(syscall.SIGKILL) // only fails when there is nobody to kill
}

// Stop ends the process: SIGTERM to its group (and SIGCONT, should it be paused), SIGKILL after grace
// or when ctx ends. It waits for the end, which is expected, and gives it. The error is ctx's, or
// says that the process survived SIGKILL for 5 s. A process that has already ended is no error.
func (p *Process) Stop(ctx context.Context, grace time.Duration) (Exit, error) {
	p.mu.Lock()
	p.expected, p.killRest = true, true
	if err := p.signal(syscall.SIGTERM); err == nil {
		_ = p.signal(syscall.SIGCONT)
	}
	p.mu.Unlock()

	timer := time.NewTimer(grace)
	defer timer.Stop()
	var cause error
	select {
	case <-p.done:
		return p.Exit(), nil
	case <-timer.C:
	case <-ctx.Done():
		cause = fmt.Errorf("child: stop %s: killed early: %w", p.Name(), context.Cause(ctx))
	}
	p.Kill()
	timer.Reset(killPatience)
	select {
	case <-p.done:
		return p.Exit(), cause
	case <-timer.C:
		return p.Exit(), errors.Join(cause, fmt.Errorf("child: %s (pid %d) did not end within %v of SIGKILL", p.Name(), p.pid, killPatience))
	}
}

// watch waits for the end of the process and tells it.
func (p *Process) watch() {
	awaitZombie(p.pid)
	p.mu.Lock()
	if p.killRest {
		_ = syscall.Kill(-p.pid, syscall.SIGKILL) // before the zombie goes: its pid keeps the group's id from being reused
	}
	_ = p.cmd.Wait() // the state is what is wanted, and it tells more than the error
	p.exit = exitOf(p.cmd.ProcessState.Sys().(syscall.WaitStatus))
	p.reaped = true
	e, expected := p.exit, p.expected
	p.mu.Unlock()

	if p.stdin != nil {
		p.stdin.Close()
	}
	if p.g.o.OnExit != nil {
		p.g.o.OnExit(p.spec.Name, p.pid, e, expected)
	}
	close(p.done)
	<-p.out.drained
	p.g.forget(p)
}

// awaitZombie blocks until the process has ended, and leaves it to be waited for.
func awaitZombie(pid int) {
	for unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
}
