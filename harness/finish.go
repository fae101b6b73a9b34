package harness

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/check"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// Finish ends the run: it heals what is left, waits for what is still on its way, takes everything
// down and judges the history, which stays open until Close. It must be called once.
func (l *Lab) Finish(ctx context.Context) (*check.Judgement, error) {
	l.endLoad()
	l.healAll(ctx)
	l.drain(ctx)
	l.count(ctx)
	l.stopTargets(ctx)
	l.record.Append(&history.Event{Kind: history.End})
	if err := errors.Join(l.takeDown(), l.record.Flush()); err != nil {
		return nil, err
	}
	return Judge(l.config.Out)
}

// Close closes the history. What is recorded between Finish and Close counts when it is judged again.
func (l *Lab) Close() error { return l.record.Close() }

// Abandon takes everything down and closes the history without judging it: the run then has no end.
func (l *Lab) Abandon() error { return errors.Join(l.takeDown(), l.record.Close()) }

// healAll undoes what the script left. The checks see that it was not the script's doing: the load
// had ended before.
func (l *Lab) healAll(ctx context.Context) {
	l.mu.Lock()
	faults := l.faults
	l.mu.Unlock()
	for _, f := range faults {
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
	if err := l.load.Settled(settled); err != nil {
		l.note("drain", err.Error())
	}
	ctx, cancel = context.WithTimeout(ctx, drainLimit)
	defer cancel()
	tick := time.NewTicker(lookPeriod)
	defer tick.Stop()
	for {
		counts := l.load.Counts()
		open := l.live.series.Backlog()
		// What the broker never confirmed may have no effect, ever.
		if open <= int(counts.Offered-counts.Confirmed) {
			return
		}
		select {
		case <-ctx.Done():
			l.note("drain", fmt.Sprintf("%d messages had no effect %v after the load", open, drainLimit))
			return
		case <-tick.C:
		}
	}
}

// count looks into the queues for what is left there.
func (l *Lab) count(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if err := l.probe(ctx); err != nil {
		l.log.Warn("probe the queue at the end", "error", err)
	}
	if ready, _, err := l.admin.Depth(ctx, l.target.Queue); err == nil {
		l.record.Append(&history.Event{Kind: history.Leftover, Who: l.target.Queue, N: int64(ready)})
	}
	if l.target.Dead == "" {
		return
	}
	dead, err := l.admin.Peek(ctx, l.target.Dead)
	if err != nil {
		l.record.Append(&history.Event{Kind: history.Depth, Who: l.target.Dead, Flags: history.Failed, Text: err.Error()})
		return
	}
	for _, m := range dead {
		l.record.Append(&history.Event{Kind: history.DeadLetter, Msg: history.ParseMsgID([]byte(m.ID)), Text: m.Reason})
	}
}

func (l *Lab) stopTargets(ctx context.Context) {
	for _, t := range l.targets {
		if err := t.Stop(ctx); err != nil {
			l.log.Warn("stop the target", "error", err)
		}
	}
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
