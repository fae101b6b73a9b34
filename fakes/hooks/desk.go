package hooks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/control"
)

// Call is one run of a hook by the target.
type Call struct {
	Hook   string
	N      int // n-th call of this hook, from 1
	Pid    int
	Args   []string
	Misuse bool // the arguments are not what the real executable takes

	// Known when the call has ended.
	Code   int   // exit code, 128+n for death by a planned signal n, -1 when Killed
	Killed bool  // the process ended before its plan was through: somebody killed it
	Err    error // the AI worker could not be restarted or killed
}

// Desk takes the hooks' calls on the lab's side; it is the control.Handler of Role. Its zero value
// answers by the default plans: restart really restarts and exits 1, terminate exits 0.
type Desk struct {
	OnCall  func(Call)                  // a call arrived; told before anything happens. Nil: not told
	OnExit  func(Call, Step)            // the process has ended; Step is what it was to do. Nil: not told
	Restart func(context.Context) error // restarts the AI worker; the context ends with the hook's process
	Kill    func() error                // kills the AI worker and leaves it dead

	mu    sync.Mutex
	plans map[string]*Planned // in force, by hook
	calls []Call
}

// Plan sets what the calls of a hook do from now on: one step a call, the last one repeats. No steps
// bring the default plan back. A call that hangs or waits under the former plan is let go: it does
// the rest of its step, but kills nothing any more, and ends with its code, a hanging one with 1.
func (d *Desk) Plan(hook string, steps ...Step) (*Planned, error) {
	for i, s := range steps {
		if err := s.Check(); err != nil {
			return nil, fmt.Errorf("plan of hook %q, step %d: %w", hook, i+1, err)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	former, err := d.plan(hook)
	if err != nil {
		return nil, err
	}
	if len(steps) == 0 {
		steps = []Step{defaultStep(hook)}
	}
	d.plans[hook] = newPlanned(slices.Clone(steps))
	former.replace()
	return d.plans[hook], nil
}

// Calls returns the calls of a hook so far, in order, as they arrived.
func (d *Desk) Calls(hook string) []Call {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(d.calls), func(c Call) bool { return c.Hook != hook })
}

// Serve implements control.Handler.
func (d *Desk) Serve(ctx context.Context, c *control.Conn) error {
	m, err := c.Receive()
	if err != nil {
		return err
	}
	var args []string
	if m.Type != msgCall {
		return fmt.Errorf("hook said %q before its call", m.Type)
	}
	if err := m.Into(&args); err != nil {
		return err
	}
	call, step, plan, err := d.take(c.Peer(), args)
	if err != nil {
		return err
	}
	defer plan.leave() // after OnExit: who is told that a plan is over was told of its calls before
	if d.OnCall != nil {
		d.OnCall(call)
	}
	plan.tell()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	through := make(chan bool, 1)
	go func() {
		through <- awaitEnd(c)
		cancel()
	}()
	if err = d.play(ctx, c, &call, step, plan); err != nil {
		c.Close() // the process ends when it sees that; awaitEnd must not wait for it otherwise
	}
	if call.Killed = !<-through; call.Killed {
		call.Code, err = -1, nil
	}
	if d.OnExit != nil {
		d.OnExit(call, step)
	}
	return err
}

// take records the call and gives its step and the plan that it is of, which is nil for a misuse.
func (d *Desk) take(peer control.Hello, args []string) (Call, Step, *Planned, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p, err := d.plan(peer.Name)
	if err != nil {
		return Call{}, Step{}, nil, err
	}
	call := Call{Hook: peer.Name, N: 1, Pid: peer.Pid, Args: args}
	for _, c := range d.calls {
		if c.Hook == peer.Name {
			call.N++
		}
	}
	var step Step
	if usage := misuse(peer.Name, args); usage != "" {
		call.Misuse, step, p = true, Step{Code: UsageCode, Stderr: usage}, nil
	} else {
		step = p.take()
	}
	d.calls = append(d.calls, call)
	return call, step, p, nil
}

// play does the lab's part of the step; call gets what came of it.
func (d *Desk) play(ctx context.Context, c *control.Conn, call *Call, step Step, plan *Planned) error {
	if step.Stderr != "" {
		if err := c.Send(msgPrint, step.Stderr); err != nil {
			return err
		}
	}
	if err := plan.wait(ctx, time.Duration(step.Delay)); err != nil {
		return err
	}
	if plan.replaced() {
		step.Kill = false
	}
	end := order{Code: step.Code, Signal: step.Signal}
	if step.Hang {
		end.Code = LetGoCode
	}
	if err := d.touch(ctx, step); err != nil {
		call.Err = err
		if err := c.Send(msgPrint, err.Error()+"\n"); err != nil {
			return err
		}
		if end.Code == 1 {
			end.Code = 0 // the contract of the restart hook: 1 restarted, 0 failed
		}
	}
	if step.Hang {
		if err := plan.hang(ctx); err != nil {
			return err
		}
	}
	call.Code = Step{Code: end.Code, Signal: end.Signal}.exit()
	return c.Send(msgExit, end)
}

// touch restarts or kills the AI worker when the step says so.
func (d *Desk) touch(ctx context.Context, step Step) error {
	switch {
	case step.Restart && d.Restart == nil, step.Kill && d.Kill == nil:
		return errors.New("the lab has no AI worker that this hook could touch")
	case step.Restart:
		if err := d.Restart(ctx); err != nil {
			return fmt.Errorf("restart the AI worker: %w", err)
		}
	case step.Kill:
		if err := d.Kill(); err != nil {
			return fmt.Errorf("kill the AI worker: %w", err)
		}
	}
	return nil
}

// plan finds a hook's plan; the caller holds the lock.
func (d *Desk) plan(hook string) (*Planned, error) {
	if hook != Restart && hook != Terminate {
		return nil, fmt.Errorf("no hook is called %q: want %q or %q", hook, Restart, Terminate)
	}
	if d.plans == nil {
		d.plans = map[string]*Planned{}
	}
	if d.plans[hook] == nil {
		d.plans[hook] = newPlanned([]Step{defaultStep(hook)})
	}
	return d.plans[hook], nil
}

func defaultStep(hook string) Step {
	if hook == Restart {
		return Step{Restart: true, Code: 1}
	}
	return Step{}
}

// misuse is the usage error that the real executable answers to args, "" when there is none.
func misuse(hook string, args []string) string {
	if hook == Terminate {
		return checkTerminate(args)
	}
	return ""
}

// awaitEnd returns when the hook's process is gone and tells whether it ended by its plan.
func awaitEnd(c *control.Conn) bool {
	through := false
	for {
		m, err := c.Receive()
		if err != nil {
			return through
		}
		through = through || m.Type == msgExiting
	}
}
