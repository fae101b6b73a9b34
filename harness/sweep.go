package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/sweep"
	"github.com/comeback-chaos/xk6-comeback/harness/target"
)

// errSweep says what a sweep has not.
var errSweep = errors.New("this run is a sweep: it has a load of its own, and no faults")

// Sweep measures the target with one number of workers after another, as the scenario's sweep says. The
// measurements go into the history; what they say is for the checks. An error means that the sweep was not
// finished: a server did not start, or ctx has ended.
func (l *Lab) Sweep(ctx context.Context) error {
	if l.config.Spec.Sweep == nil {
		return errors.New("sweep: this run is none: incident() says nothing of a sweep")
	}
	plan, err := l.config.Spec.Sweep.Complete()
	if err != nil {
		return fmt.Errorf("sweep.%w", err)
	}
	if !l.began.CompareAndSwap(false, true) {
		return errors.New("sweep: a run has one")
	}
	l.record.Append(&history.Event{Kind: history.LoadBegin})
	defer l.endLoad()
	ceiling, err := sweep.Ceiling(ctx, plan.Clients)
	if err != nil {
		return err
	}
	l.record.Append(&history.Event{Kind: history.Probe, Who: history.CeilingProbe, N: ceiling})
	for n, p := range plan.Passes(l.config.Seed) {
		if err := l.measure(ctx, plan, n, p); err != nil {
			return fmt.Errorf("round %d with %d workers: %w", p.Round+1, p.Workers, err)
		}
	}
	return nil
}

// measure makes the n-th pass: a server of its own is started, loaded, and stopped.
func (l *Lab) measure(ctx context.Context, plan sweep.Plan, n int, p sweep.Pass) (err error) {
	addresses, err := l.addresses(n)
	if err != nil {
		return err
	}
	addresses[target.Workers] = strconv.Itoa(p.Workers)
	t := &instance{lab: l, name: instanceName(l.config.Spec.Target, 0), addresses: addresses}
	if err := t.Use(""); err != nil {
		return err
	}
	if err := t.Start(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Stop(context.WithoutCancel(ctx))) }()
	if err := t.Ready(ctx); err != nil {
		return err
	}
	_, started := t.current()
	load := sweep.Load{
		URL: started.what.HTTP + plan.Path, ID: fmt.Sprintf("%d-w%d-r%d", l.config.Seed, p.Workers, p.Round),
		Clients: plan.Clients, Warm: plan.Warm, Window: plan.Window,
	}
	measured, err := load.Measure(ctx)
	if err != nil {
		return err
	}
	measured.Round = p.Round
	text, err := json.Marshal(measured)
	if err != nil {
		return fmt.Errorf("write down what was measured: %w", err)
	}
	l.record.Append(&history.Event{Kind: history.Probe, Who: history.PassProbe, Code: int32(p.Workers), N: measured.Good, Text: string(text)})
	return nil
}

// swept is what the history says of the sweep beforehand; nil when the run is none.
func (l *Lab) swept() *history.Swept {
	if l.config.Spec.Sweep == nil {
		return nil
	}
	plan, _ := l.config.Spec.Sweep.Complete() // it was checked
	return &history.Swept{Counts: plan.Counts, Rounds: plan.Rounds, Share: plan.Share, Deployed: l.target.Workers}
}
