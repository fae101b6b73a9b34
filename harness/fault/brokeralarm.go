package fault

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
	"github.com/comeback-chaos/xk6-comeback/harness/broker"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

var brokerAlarmKind = Kind{
	Name: "brokerAlarm", Args: []string{"resource"},
	Doc: "sets off the broker's memory or disk alarm",
	Does: `Moves the limit, so that the broker takes itself for short of memory or of disk once so many messages wait: it stops reading from each connection that
publishes, acks and all, and says so with connection.blocked. In effect once the load or the target was told that, and its
time has passed besides; healed, the limit is what it was, and it is gone once a publish of the load was confirmed.`,
	Correct: `Goes on with the jobs that wait: it consumes on a connection that never publishes, and no job waits for a publish that
the broker does not take.`,
	Needs: ownBroker,
	New:   func() Fault { return &BrokerAlarm{} },
}

// BrokerAlarm sets off one of the broker's alarms.
type BrokerAlarm struct {
	Resource string          `json:"resource" doc:"'memory' or 'disk'"`
	Waiting  int             `json:"waiting" doc:"messages that must be ready in the target's queue before it goes off; 0: any number"`
	For      script.Duration `json:"for" doc:"how long it must have lasted to count as in effect"`
}

// limit is how one of the broker's limits is read and set.
type limit struct {
	get, set string
	none     string // the value with which the alarm goes off
}

var limits = map[string]limit{
	"memory": {"vm_memory_monitor:get_vm_memory_high_watermark()", "vm_memory_monitor:set_vm_memory_high_watermark(%s)", "0"},
	"disk":   {"rabbit_disk_monitor:get_disk_free_limit()", "rabbit_disk_monitor:set_disk_free_limit(%s)", "1 bsl 60"},
}

// Inject implements Fault. It is in effect once somebody who publishes was told of it.
func (f *BrokerAlarm) Inject(ctx context.Context, lab Lab) (Injected, error) {
	of, known := limits[f.Resource]
	switch {
	case !known:
		return Injected{}, fmt.Errorf("resource: %q, want \"memory\" or \"disk\"", f.Resource)
	case f.Waiting < 0:
		return Injected{}, fmt.Errorf("waiting: %d, want none below 0", f.Waiting)
	case f.For < 0:
		return Injected{}, fmt.Errorf("for: %v, want none below 0", time.Duration(f.For))
	}
	node, release, err := takeBroker(lab, "the broker's "+f.Resource+" limit")
	if err != nil {
		return Injected{}, err
	}
	before, err := node.Eval(ctx, of.get)
	if err == nil {
		err = piled(ctx, node, lab.Queue(), f.Waiting)
	}
	if err != nil {
		release()
		return Injected{}, fmt.Errorf("%s alarm: %w", f.Resource, err)
	}
	told := lab.Watch(func(e *history.Event) bool {
		return e.Kind == history.Blocked && !e.Flags.Has(history.Synthetic) && strings.Contains(e.Text, f.Resource)
	})
	healed := make(chan struct{})
	set := func(ctx context.Context, value string) error {
		if _, err := node.Eval(ctx, fmt.Sprintf(of.set, value)); err != nil {
			return fmt.Errorf("set the broker's %s limit to %s: %w", f.Resource, value, err)
		}
		return nil
	}
	heal := func(ctx context.Context) error {
		told.Close()
		close(healed)
		if err := set(ctx, before); err != nil && !errors.Is(err, broker.ErrStopped) { // a node that starts anew has its old limit
			return err
		}
		release()
		return nil
	}
	if err := set(ctx, of.none); err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), healLimit)
		defer cancel()
		return Injected{}, errors.Join(err, heal(ctx))
	}
	return Injected{
		InEffect: func(ctx context.Context) (string, error) {
			defer told.Close()
			e, err := told.Next(ctx)
			if err != nil {
				return "", fmt.Errorf("waiting until the broker tells somebody that it is short of %s: %w", f.Resource, err)
			}
			if err := lasted(ctx, f.Resource+" alarm", time.Duration(f.For), healed); err != nil {
				return "", err
			}
			return fmt.Sprintf("%s was told on connection %d: %s", lab.Role(e.Conn), e.Conn, e.Text), nil
		},
		Heal: heal,
		Gone: func(ctx context.Context) (string, error) { return confirmed(ctx, lab) },
	}, nil
}

// piled waits until so many messages are ready in a queue.
func piled(ctx context.Context, node Broker, queue string, n int) error {
	if n == 0 {
		return nil
	}
	expr := fmt.Sprintf(`{ok, Q} = rabbit_amqqueue:lookup(%s), [{_, Ready}] = rabbit_amqqueue:info(Q, [messages_ready]), Ready >= %d`, resource(queue), n)
	ctx, cancel := context.WithTimeout(ctx, momentLimit)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		said, err := node.Eval(ctx, expr)
		if err != nil {
			return fmt.Errorf("look into queue %s: %w", queue, err)
		}
		if said == "true" {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting until %d messages are ready in queue %s: %w", n, queue, context.Cause(ctx))
		}
	}
}

// lasted waits until what was seen in effect has been so for d.
func lasted(ctx context.Context, what string, d time.Duration, healed <-chan struct{}) error {
	if d == 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-healed:
		return fmt.Errorf("it was healed before its %s had lasted for %v", what, d)
	case <-ctx.Done():
		return fmt.Errorf("waiting until its %s has lasted for %v: %w", what, d, context.Cause(ctx))
	}
}
