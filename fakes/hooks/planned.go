package hooks

import (
	"context"
	"sync"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

// Planned is a plan that a Desk has, or had, in force for one hook, and the calls that go by it. What
// it tells is about its own calls only. A nil one has no calls: that of a misuse, which takes no step.
type Planned struct {
	steps []Step
	taken chan struct{} // closed once the first call was told
	next  chan struct{} // closed when another plan is in force
	over  chan struct{} // closed when next is and no call runs any more
	first sync.Once

	mu      sync.Mutex
	done    int // steps taken
	running int
}

func newPlanned(steps []Step) *Planned {
	return &Planned{steps: steps, taken: make(chan struct{}), next: make(chan struct{}), over: make(chan struct{})}
}

// Taken is closed when the first call has taken a step of this plan, after OnCall was told of it.
func (p *Planned) Taken() <-chan struct{} { return p.taken }

// Over is closed when another plan is in force and every call that took a step of this one has ended
// and OnExit was told of it.
func (p *Planned) Over() <-chan struct{} { return p.over }

// take gives the step of one more call; leave must follow.
func (p *Planned) take() Step {
	p.mu.Lock()
	defer p.mu.Unlock()
	step := p.steps[min(p.done, len(p.steps)-1)]
	p.done++
	p.running++
	return step
}

func (p *Planned) tell() {
	if p != nil {
		p.first.Do(func() { close(p.taken) })
	}
}

func (p *Planned) leave() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running--
	if p.running == 0 && p.replaced() {
		close(p.over)
	}
}

// replace says that another plan is in force; it is done once, under the desk's lock, so that no
// call takes a step of this one afterwards.
func (p *Planned) replace() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.next)
	if p.running == 0 {
		close(p.over)
	}
}

func (p *Planned) replaced() bool {
	if p == nil {
		return false
	}
	select {
	case <-p.next:
		return true
	default:
		return false
	}
}

// wait returns after d, or when another plan is in force. An error says that the call has ended.
func (p *Planned) wait(ctx context.Context, d time.Duration) error {
	if p == nil || d == 0 {
		return script.Wait(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.next:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// hang returns when another plan is in force. An error says that the call has ended.
func (p *Planned) hang(ctx context.Context) error {
	select {
	case <-p.next:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
