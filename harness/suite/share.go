package suite

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/broker"
)

// The limits of the shared broker's end, and of that of a run's vhost.
const (
	closeLimit = 10 * time.Second
	dropLimit  = 5 * time.Second
)

// openBroker opens the broker that runs share, if any does.
func (e *executor) openBroker(ctx context.Context, plan []Run) error {
	if !slices.ContainsFunc(plan, func(r Run) bool { return e.shares(r.Scenario) }) {
		return nil
	}
	var err error
	if e.broker, err = broker.Open(ctx, e.Broker, e.group, nil); err != nil {
		return err
	}
	if e.Parallel, err = width(ctx, e.broker, e.Options); err != nil {
		return errors.Join(err, e.closeBroker(ctx))
	}
	return nil
}

func (e *executor) closeBroker(ctx context.Context) error {
	if e.broker == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeLimit)
	defer cancel()
	return e.broker.Close(ctx)
}

// shares tells whether a scenario's runs go to the shared broker: not when they break it, and not when their target
// answers requests and has none.
func (e *executor) shares(s Scenario) bool {
	if s.OwnBroker || s.Sweep != nil {
		return false
	}
	if e.Targets == nil {
		return true
	}
	t, err := e.Targets.Target(s.Target)
	return err != nil || t.HTTP == ""
}

// width is how many runs may go side by side: one, where the broker gives them no vhost each.
func width(ctx context.Context, b broker.Broker, o Options) (int, error) {
	const probe = "comeback-probe"
	err := b.AddVhost(ctx, probe)
	if err == nil {
		return o.Parallel, b.DropVhost(ctx, probe)
	}
	if !errors.Is(err, broker.ErrNoVhosts) {
		return 0, err
	}
	if o.Parallel > 1 {
		fmt.Fprintln(o.Progress, "one run at a time: this broker gives no run a vhost of its own")
	}
	return 1, nil
}

// brokerFor gives a run that shares the broker a vhost of its own there, and tells others to start one.
func (e *executor) brokerFor(ctx context.Context, r Run) (choice string, drop func(), err error) {
	if !e.shares(r.Scenario) {
		return "local", func() {}, nil // of its own, if it has any
	}
	vhost := r.Name()
	switch err := e.broker.AddVhost(ctx, vhost); {
	case errors.Is(err, broker.ErrNoVhosts):
		return e.broker.URL(""), func() {}, nil
	case err != nil:
		return "", nil, err
	}
	return e.broker.URL(vhost), func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropLimit)
		defer cancel()
		_ = e.broker.DropVhost(ctx, vhost) // the broker ends with the suite in any case
	}, nil
}
