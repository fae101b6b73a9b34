package harness

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/check"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// Finish ends the run: it heals what is left, waits for what is still on its way, takes everything
// down and judges the history, which stays open until Close. It must be called once. A judgement beside an error
// is of a run that could not be taken down as it should: something of it may be left.
func (l *Lab) Finish(ctx context.Context) (*check.Judgement, error) {
	l.endLoad()
	l.callOff(ctx)
	l.healAll(ctx)
	l.drain(ctx)
	l.stopTargets(ctx)
	if !l.http() {
		l.count(ctx)
		l.countDead(ctx)
	}
	l.record.Append(&history.Event{Kind: history.End})
	down := errors.Join(l.takeDown(), l.record.Flush())
	j, err := Judge(l.config.Out)
	return j, errors.Join(down, err)
}

// Close closes the history. What is recorded between Finish and Close counts when it is judged again.
func (l *Lab) Close() error { return l.record.Close() }

// Abandon takes everything down and closes the history without judging it: the run then has no end.
func (l *Lab) Abandon() error { return errors.Join(l.takeDown(), l.record.Close()) }

// injection is one that is under way.
type injection struct {
	callOff context.CancelFunc
	over    chan struct{}
}

// callOff ends injections that still wait for their moment, and waits until they have noticed: what they
// did now they would do to our own end of the run.
func (l *Lab) callOff(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, settle)
	defer cancel()
	l.injecting.Range(func(_, value any) bool {
		pending := value.(*injection)
		pending.callOff()
		select {
		case <-pending.over:
		case <-ctx.Done():
			l.note("inject", "an injection under way does not notice that the run is over")
		}
		return true
	})
}

// healAll undoes what the script left. The checks see that it was not the script's doing: the load
// had ended before.
func (l *Lab) healAll(ctx context.Context) {
	l.mu.Lock()
	faults := slices.Clone(l.faults)
	l.mu.Unlock()
	for _, f := range slices.Backward(faults) {
		if f == nil {
			continue
		}
		if !f.Healed() {
			l.note("heal", "the script left a fault in place: healed at the end of the run")
			if err := f.Heal(ctx); err != nil {
				l.log.Warn("heal", "error", err)
			}
		}
	}
}

// drain waits until the broker has answered for what was sent, and until all that it took has had its
// effect; or for as long as the limits allow.
func (l *Lab) drain(ctx context.Context) {
	settled, cancel := context.WithTimeout(ctx, settle)
	defer cancel()
	if l.load != nil {
		if err := l.load.Settled(settled); err != nil {
			l.note("drain", err.Error())
		}
	}
	ctx, cancel = context.WithTimeout(ctx, drainLimit)
	defer cancel()
	tick := time.NewTicker(lookPeriod)
	defer tick.Stop()
	for {
		// What the broker refused, or can no longer answer for, is not among them. What waits in the queue
		// although all have had their effect are redeliveries: their second effects would be missed.
		open := l.live.series.Backlog()
		if open == 0 && l.ready.Load() == 0 && l.Buried(ctx) {
			return
		}
		select {
		case <-ctx.Done():
			l.note("drain", fmt.Sprintf("%v after the load %d messages had no effect, of those that should have one", drainLimit, open))
			return
		case <-tick.C:
		}
	}
}

// Buried implements fault.Lab: it tells whether the dead-letter queue holds as many messages as were
// submitted to end there.
func (l *Lab) Buried(ctx context.Context) bool {
	want := int(l.doomed.Load())
	if want == 0 {
		return true
	}
	dead, _, err := l.admin.Depth(ctx, l.target.Dead)
	return err == nil && dead >= want // what is missing in the end is for the checks to judge
}

// count looks into the queues for what is left there, once the target is gone and has given back what
// it had not settled.
func (l *Lab) count(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if ready, err := l.leftover(ctx); err != nil {
		l.record.Append(&history.Event{Kind: history.Depth, Who: l.target.Queue, Flags: history.Failed, Text: err.Error()})
	} else {
		l.record.Append(&history.Event{Kind: history.Leftover, Who: l.target.Queue, N: int64(ready)})
	}
}

// countDead looks into the dead-letter queue. Without the look nobody could tell an empty queue from one
// that was not asked.
func (l *Lab) countDead(ctx context.Context) {
	if l.target.Dead == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	dead, err := l.admin.Peek(ctx, l.target.Dead)
	if err != nil {
		l.record.Append(&history.Event{Kind: history.Probe, Who: history.DeadProbe, Flags: history.Failed, Text: err.Error()})
		return
	}
	l.record.Append(&history.Event{Kind: history.Probe, Who: history.DeadProbe, N: int64(len(dead))})
	for _, m := range dead {
		l.record.Append(&history.Event{Kind: history.DeadLetter, Msg: history.ParseMsgID([]byte(m.ID)), Text: m.Reason})
	}
}

// leftover gives the ready messages once the broker has noticed that the target's consumers are gone.
func (l *Lab) leftover(ctx context.Context) (int, error) {
	tick := time.NewTicker(lookPeriod)
	defer tick.Stop()
	for {
		ready, consumers, err := l.admin.Depth(ctx, l.target.Queue)
		if err != nil || consumers == 0 {
			return ready, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return 0, fmt.Errorf("%d consumers are still there after the target was stopped: %w", consumers, context.Cause(ctx))
		}
	}
}

func (l *Lab) stopTargets(ctx context.Context) {
	var wg sync.WaitGroup
	for _, t := range l.targets {
		wg.Go(func() {
			if err := t.Stop(ctx); err != nil {
				l.log.Warn("stop the target", "error", err)
			}
		})
	}
	wg.Wait()
}

// Judge reads the history in a run's folder and judges it. It gives the same verdict each time.
func Judge(dir string) (*check.Judgement, error) {
	r, err := history.Open(filepath.Join(dir, HistoryFile))
	if err != nil {
		return nil, fmt.Errorf("judge %s: %w", dir, err)
	}
	defer r.Close()
	j, err := check.Judge(r)
	if err != nil {
		return nil, fmt.Errorf("judge %s: %w", dir, err)
	}
	return j, nil
}
