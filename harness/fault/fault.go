package fault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// Fault is one way of breaking something.
type Fault interface {
	// Inject puts the fault in place and gives what can be done with it from then on. When it
	// fails, nothing may be left in place.
	Inject(ctx context.Context, lab Lab) (Injected, error)
}

// Injected is a fault in place. Heal is required.
type Injected struct {
	// InEffect waits until the fault has touched an op, and tells what shows it. It is given up when
	// the fault is gone, or seen not to be.
	InEffect func(ctx context.Context) (evidence string, err error)
	// Spent waits until the fault has acted as often as it was told to; nil for one that acts for as
	// long as it is there.
	Spent func(ctx context.Context) error
	// Heal undoes the fault and ends its watches. It must work whatever became of the target.
	Heal func(ctx context.Context) error
	// Gone waits, after Heal, until an op has passed untouched, and tells what shows it.
	Gone func(ctx context.Context) (evidence string, err error)
}

// healLimit is how long a fault may take to be undone: a broker's start alone takes 2 to 3 s of CPU.
// To be seen to be gone it has until the run ends: how long that takes may be the target's to say.
const healLimit = 30 * time.Second

// What Active's methods say to a wrong order.
var (
	ErrTwice     = errors.New("healed already")
	ErrNotHealed = errors.New("it was not healed yet: heal it first")
	ErrEndless   = errors.New("it acts for as long as it is there: give it a number of times")
)

// errUntouched ends the wait for a fault's effect.
var errUntouched = errors.New("it was healed before that")

// Active is a fault on its way through inject, in effect, heal, gone. Its order is kept here and
// nowhere else, and each step is written to the history.
type Active struct {
	id   int64
	name string
	lab  Lab
	in   Injected
	run  context.Context // the run's: what is awaited in the background ends with it

	inEffect awaited
	gone     awaited
	effects  context.Context         // ends when no more of its effects is to be waited for
	giveUp   context.CancelCauseFunc // of effects

	mu     sync.Mutex // held while it is being healed
	healed atomic.Bool
}

// awaited is something that is waited for once, in the background, by any number of callers.
type awaited struct {
	done     chan struct{}
	evidence string
	err      error
}

// Start injects f under a name and parameters for the history, and begins to watch for its effect.
// ctx is the run's: it bounds the injection and everything that is awaited later.
func Start(ctx context.Context, lab Lab, id int64, s Spec, f Fault) (*Active, error) {
	a := &Active{
		id: id, name: s.Fault, lab: lab, run: ctx,
		inEffect: awaited{done: make(chan struct{})}, gone: awaited{done: make(chan struct{})},
	}
	params, err := json.Marshal(s.Params)
	if err != nil {
		return nil, fmt.Errorf("inject %s: parameters: %w", s.Fault, err)
	}
	a.record(history.Inject, string(params))
	if a.in, err = f.Inject(context.WithValue(ctx, idKey{}, id), lab); err != nil {
		return nil, fmt.Errorf("inject %s %s: %w", s.Fault, params, err)
	}
	a.effects, a.giveUp = context.WithCancelCause(ctx)
	go a.inEffect.await(a.effects, a.in.InEffect, func(evidence string) { a.record(history.InEffect, evidence) })
	return a, nil
}

// idKey is where the context of an injection carries the fault's number.
type idKey struct{}

// idOf is the number of the fault that is being injected; a fault within a fault has that of the whole.
func idOf(ctx context.Context) int64 {
	id, _ := ctx.Value(idKey{}).(int64)
	return id
}

// ID is the fault's number in the run, from 1.
func (a *Active) ID() int64 { return a.id }

// InEffect waits until the fault has been seen to touch an op.
func (a *Active) InEffect(ctx context.Context) (string, error) {
	evidence, err := a.inEffect.wait(ctx)
	if err != nil {
		return "", fmt.Errorf("fault %s was not seen in effect: %w", a.name, err)
	}
	return evidence, nil
}

// Spent waits until the fault has acted as often as it was told to (times), and so acts no more. It
// gives ErrEndless for one that was given no number.
func (a *Active) Spent(ctx context.Context) error {
	err := ErrEndless
	if a.in.Spent != nil {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		defer context.AfterFunc(a.effects, func() { cancel(context.Cause(a.effects)) })()
		err = a.in.Spent(ctx)
	}
	if err != nil {
		return fmt.Errorf("fault %s is not spent: %w", a.name, err)
	}
	return nil
}

// Heal undoes the fault on a context of its own, so that it also works when the run was cancelled,
// and begins to watch for an op that passes untouched. The second call answers ErrTwice.
func (a *Active) Heal(ctx context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.healed.Swap(true) {
		return fmt.Errorf("heal %s: %w", a.name, ErrTwice)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), healLimit)
	defer cancel()
	if err := a.in.Heal(ctx); err != nil {
		a.record(history.Outlived, err.Error())
		err = fmt.Errorf("heal %s: %w", a.name, err)
		a.gone.fail(err)
		a.giveUp(err)
		return err
	}
	a.record(history.Heal, "")
	go func() {
		a.gone.await(a.run, a.in.Gone, func(evidence string) { a.record(history.Gone, evidence) })
		a.giveUp(errUntouched)
	}()
	return nil
}

// Healed tells whether Heal was called; while it runs, it waits for its end.
func (a *Active) Healed() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.healed.Load()
}

// Gone waits, after Heal, until an op was seen to pass untouched. It gives ErrNotHealed before Heal,
// and the error of a Heal that failed.
func (a *Active) Gone(ctx context.Context) (string, error) {
	err := ErrNotHealed
	evidence := ""
	if a.healed.Load() {
		evidence, err = a.gone.wait(ctx)
	}
	if err != nil {
		return "", fmt.Errorf("fault %s was not seen to be gone: %w", a.name, err)
	}
	return evidence, nil
}

func (a *Active) record(kind history.Kind, text string) {
	a.lab.Record(&history.Event{Kind: kind, N: a.id, Who: a.name, Text: text})
}

func (w *awaited) await(ctx context.Context, f func(context.Context) (string, error), then func(string)) {
	defer close(w.done)
	if f == nil {
		w.err = errors.New("it has no way to tell")
		return
	}
	if w.evidence, w.err = f(ctx); w.err == nil {
		then(w.evidence)
	}
}

func (w *awaited) fail(err error) {
	w.err = err
	close(w.done)
}

func (w *awaited) wait(ctx context.Context) (string, error) {
	select {
	case <-w.done:
		return w.evidence, w.err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}
