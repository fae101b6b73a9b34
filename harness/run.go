package harness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/fault"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/load"
	"github.com/comeback-chaos/xk6-comeback/harness/recovery"
)

// Submit offers one message and gives its id. The first one begins the load, whose end is set by
// the time that the scenario states. It never waits for the broker.
func (l *Lab) Submit(body []byte, props load.Props) (history.MsgID, error) {
	if l.http() {
		return 0, fmt.Errorf("submit: target %s answers requests and consumes no queue: use client()", l.target.Name)
	}
	if err := l.offering(); err != nil {
		return 0, err
	}
	props.ContentType = cmp.Or(props.ContentType, "application/json")
	if props.Doomed && l.target.Dead == "" {
		return 0, fmt.Errorf("submit: target %s has no dead-letter queue (comeback.yaml), so that no message can end there", l.target.Name)
	}
	id, err := l.load.Submit(body, props)
	if err != nil {
		return 0, fmt.Errorf("submit: %w", err)
	}
	if props.Doomed {
		l.doomed.Add(1)
	}
	return history.MsgID(id), nil
}

// offering begins the load with the first that is offered.
func (l *Lab) offering() error {
	if l.config.Spec.Sweep != nil {
		return errSweep
	}
	if err := l.record.Err(); err != nil {
		return fmt.Errorf("offer: the history cannot be written, and what is not recorded proves nothing: %w", err)
	}
	if l.began.CompareAndSwap(false, true) {
		l.record.Append(&history.Event{Kind: history.LoadBegin})
		time.AfterFunc(l.config.Spec.Load.Duration, l.endLoad)
	}
	return nil
}

// Settled waits until the broker has answered for every message submitted so far.
func (l *Lab) Settled(ctx context.Context) error { return l.load.Settled(ctx) }

// Counts tells what became of the messages submitted so far.
func (l *Lab) Counts() load.Counts {
	if l.load == nil {
		return load.Counts{}
	}
	return l.load.Counts()
}

func (l *Lab) endLoad() {
	l.endOnce.Do(func() {
		if l.began.Load() {
			l.record.Append(&history.Event{Kind: history.LoadEnd, N: int64(l.Counts().Dropped)})
		}
		close(l.loadEnd)
	})
}

// LoadEnd waits until the time of the load is over.
func (l *Lab) LoadEnd(ctx context.Context) error {
	select {
	case <-l.loadEnd:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Mark puts a milestone of the script's into the history.
func (l *Lab) Mark(name string) { l.note(name, "") }

// ScriptError records that the script threw in the function of a k6 scenario: the verdict cannot be
// green then.
func (l *Lab) ScriptError(scenario string, err error) {
	l.record.Append(&history.Event{Kind: history.ScriptError, Who: scenario, Text: err.Error()})
}

// Inject puts a fault in place. It is healed at the end of the run if the script does not do it. Once the
// load has ended it is an error: nothing would be seen of the fault, and a story that was to be told in
// full must not end well without its last part.
func (l *Lab) Inject(s fault.Spec) (*fault.Active, error) {
	if l.config.Spec.Sweep != nil {
		return nil, fmt.Errorf("inject %s: %w", s.Fault, errSweep)
	}
	select {
	case <-l.loadEnd:
		err := fmt.Errorf("inject %s: the load has ended, so that nothing would be seen of it: what came before took too long, or load.duration is too short", s.Fault)
		l.ScriptError("inject", err) // also when the script catches it
		return nil, err
	default:
	}
	if err := fault.Suits(s.Fault, l.http()); err != nil {
		return nil, err
	}
	f, err := fault.New(s)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	id := int64(len(l.faults)) + 1
	l.faults = append(l.faults, nil) // its place; Start may take a while
	l.mu.Unlock()
	ctx, cancel := context.WithCancel(l.ctx)
	pending := &injection{callOff: cancel, over: make(chan struct{})}
	l.injecting.Store(id, pending)
	defer l.injecting.Delete(id)
	defer close(pending.over) // once it is among the faults, so that the run's end heals it
	select {
	case <-l.loadEnd:
		cancel() // it has ended since we looked, and nobody else may call this off any more
	default:
	}
	active, err := fault.Start(ctx, l, id, s, f)
	if err != nil {
		cancel()
		return nil, err
	}
	l.mu.Lock()
	l.faults[id-1] = active
	l.mu.Unlock()
	return active, nil // its context lives on with the run
}

// lookPeriod is how often a running load is looked at for being steady, or steady again.
const lookPeriod = 50 * time.Millisecond

// Steady waits until the load has been flowing evenly long enough to know the steady state. It gives
// an error when the load ends before that.
func (l *Lab) Steady(ctx context.Context) error {
	ok, err := l.until(ctx, func(v *live) bool {
		if v.begun < 0 {
			return false
		}
		_, err := recovery.Steady(v.series, v.begun, v.now)
		return err == nil
	})
	if err == nil && !ok {
		err = errors.New("the load ended before it was ever steady: see the log of the target in " + l.config.Out)
	}
	return err
}

// Recovered waits until the steady state of before the first fault has come back after the last
// heal, and has stayed; it tells how long that took. false: it had not when the load ended.
func (l *Lab) Recovered(ctx context.Context) (time.Duration, bool, error) {
	var out recovery.Outcome
	ok, err := l.until(ctx, func(v *live) bool {
		if v.inject < 0 || v.heal < 0 {
			return false
		}
		steady, err := recovery.Steady(v.series, v.begun, v.inject)
		if err != nil {
			return false
		}
		out = recovery.Measure(v.series, steady, v.heal, recovery.Hold)
		return out.Recovered
	})
	return out.After, ok, err
}

// until looks at the run until ok says so or the load has ended.
func (l *Lab) until(ctx context.Context, ok func(*live) bool) (bool, error) {
	tick := time.NewTicker(lookPeriod)
	defer tick.Stop()
	for {
		l.live.mu.Lock()
		now := l.record.Now()
		l.live.now = max(l.live.now, now)
		found := ok(l.live)
		l.live.mu.Unlock()
		if found {
			return true, nil
		}
		select {
		case <-ctx.Done():
			return false, context.Cause(ctx)
		case <-l.loadEnd:
			return false, nil
		case <-tick.C:
		}
	}
}
