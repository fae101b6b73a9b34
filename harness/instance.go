package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/rollout"
	"github.com/comeback-chaos/xk6-comeback/harness/child"
	"github.com/comeback-chaos/xk6-comeback/harness/fault"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/target"
)

// instance is one place for a process of the target: the process in it comes and goes, its name and its
// addresses stay.
type instance struct {
	lab       *Lab
	name      string
	addresses target.Addresses

	changing sync.Mutex // one start or end at a time

	mu      sync.Mutex
	next    start // what the next start starts
	running start // what process was started from
	process *child.Process
}

// start is how a process of the target is started, by an entry of comeback.yaml.
type start struct {
	entry target.Target
	what  target.Start
}

// Name implements fault.Target.
func (t *instance) Name() string { return t.name }

// Use implements fault.Target.
func (t *instance) Use(entry string) error {
	s := start{entry: t.lab.target}
	if entry != "" && entry != t.lab.target.Name {
		var err error
		if s.entry, err = t.lab.file.Target(entry); err != nil {
			return err
		}
		if s.entry.Queue != t.lab.target.Queue || s.entry.Dead != t.lab.target.Dead {
			return fmt.Errorf("target %s cannot stand in for %s: they do not share their queues (queue, dead in %s)", entry, t.lab.target.Name, target.FileName)
		}
	}
	var err error
	if s.what, err = s.entry.Resolve(t.addresses, t.lab.defectOf(s.entry), t.lab.config.Spec.Needs); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.next = s
	return nil
}

// defectOf is the run's defect: of its own target, and of what stands in for it if that can have one.
func (l *Lab) defectOf(entry target.Target) string {
	if _, is := rollout.FindDefect(l.config.Defect); is {
		return "" // it is the deployer's: faults.rollout() has it
	}
	if entry.Name != l.target.Name && len(entry.Legacy) == 0 {
		return ""
	}
	return l.config.Defect
}

// Start implements fault.Target.
func (t *instance) Start(context.Context) error {
	t.changing.Lock()
	defer t.changing.Unlock()
	if t.Running() {
		return nil
	}
	t.mu.Lock()
	s := t.next
	t.mu.Unlock()
	p, err := t.lab.group.Start(child.Spec{Name: t.name, Path: s.what.Path, Args: s.what.Args, Dir: s.what.Dir, Env: t.environment(s)})
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.process, t.running = p, s
	return nil
}

// environment is what the target's entry says, and the little that any program needs. The harness's
// own environment stays out: it may hold secrets, and it would make runs differ.
func (t *instance) environment(s start) []string {
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.lab.group.Dir(), "LANG=C.UTF-8"}
	return append(env, s.what.Env...)
}

// Stop implements fault.Target.
func (t *instance) Stop(ctx context.Context) error {
	t.changing.Lock()
	defer t.changing.Unlock()
	p, started := t.current()
	if p == nil {
		return nil
	}
	_, err := p.Stop(ctx, started.entry.Stop.Limit)
	return err
}

// Terminate implements fault.Target.
func (t *instance) Terminate(ctx context.Context) (code int, err error) {
	t.changing.Lock()
	defer t.changing.Unlock()
	p, started := t.current()
	if !t.Running() {
		return 0, t.notRunning("be asked to end")
	}
	t.askedToEnd(p, "SIGTERM", started.entry.Stop.Limit)
	exit, err := p.Stop(ctx, started.entry.Stop.Limit)
	return exit.Code, err
}

// Kill implements fault.Target.
func (t *instance) Kill(ctx context.Context) error {
	t.changing.Lock()
	defer t.changing.Unlock()
	p, _ := t.current()
	if p == nil {
		return nil
	}
	p.Kill()
	select {
	case <-p.Done():
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting until %s (pid %d) has ended of SIGKILL: %w", t.name, p.PID(), context.Cause(ctx))
	}
}

// Pause implements fault.Target.
func (t *instance) Pause() error {
	p, _ := t.current()
	if p == nil {
		return t.notRunning("be paused")
	}
	return p.Pause()
}

// Resume implements fault.Target.
func (t *instance) Resume() error {
	err := t.signal(syscall.SIGCONT, "be resumed")
	if errors.Is(err, os.ErrProcessDone) {
		return nil // there is nothing left that is paused
	}
	return err
}

func (t *instance) signal(s syscall.Signal, verb string) error {
	p, _ := t.current()
	if p == nil {
		return t.notRunning(verb)
	}
	return p.Signal(s)
}

// notRunning is the error of what only a running process can do.
func (t *instance) notRunning(verb string) error {
	return fmt.Errorf("%s does not run, so that it cannot %s: %w", t.name, verb, os.ErrProcessDone)
}

// Running implements fault.Target.
func (t *instance) Running() bool {
	p, _ := t.current()
	if p == nil {
		return false
	}
	select {
	case <-p.Done():
		return false
	default:
		return true
	}
}

// Paused implements fault.Target.
func (t *instance) Paused() bool {
	p, _ := t.current()
	return p != nil && p.Paused()
}

// ExpectExit implements fault.Target.
func (t *instance) ExpectExit(why string, within time.Duration) (fault.Ending, error) {
	p, _ := t.current()
	if !t.Running() {
		return nil, t.notRunning("end")
	}
	p.Expect()
	t.askedToEnd(p, why, within)
	return ending{t, p}, nil
}

// askedToEnd records that from now on the process has so long to end in order.
func (t *instance) askedToEnd(p *child.Process, how string, within time.Duration) {
	t.lab.record.Append(&history.Event{Kind: history.ProcAsk, Who: t.name, N: int64(p.PID()), Code: int32(within.Milliseconds()), Text: how})
}

// ending is the coming end of one process.
type ending struct {
	t *instance
	p *child.Process
}

// Await implements fault.Ending.
func (e ending) Await(ctx context.Context) (code int, err error) {
	select {
	case <-e.p.Done():
		return e.p.Exit().Code, nil
	case <-ctx.Done():
		return 0, fmt.Errorf("waiting until %s (pid %d) ends: %w", e.t.name, e.p.PID(), context.Cause(ctx))
	}
}

// Withdraw implements fault.Ending.
func (e ending) Withdraw() {
	e.p.Unexpect()
	e.t.lab.record.Append(&history.Event{Kind: history.ProcAsk, Who: e.t.name, N: int64(e.p.PID()), Flags: history.Withdrawn})
}

// current gives the process that was started last, and from what.
func (t *instance) current() (*child.Process, start) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.process, t.running
}

// admin is the URL of its admin API.
func (t *instance) admin() string { return "http://" + t.addresses[target.Admin] }
