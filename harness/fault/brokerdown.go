package fault

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/comeback-chaos/xk6-comeback/harness/broker"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

const ownBroker = "A broker of the run's own (broker: 'own')."

var brokerDownKind = Kind{
	Name: "brokerDown", Args: []string{"how"},
	Doc: "ends the broker, in order or by SIGKILL",
	Does: `Ends the process of the broker, once so many messages wait; its address and its data stay. In effect once the broker has closed a connection of the
target, or could not be reached by it; healed, it is started again on its data, and gone once it has confirmed a publish of
the load. Before a kill it writes down which queues there are: it would forget one that was declared a moment ago.`,
	Correct: `Connects again with growing waits, for as long as it takes, declares what it needs, and goes on; jobs that come
again it recognises; what waits for another try is there after the restart.`,
	Needs: ownBroker,
	New:   func() Fault { return &BrokerDown{} },
}

// BrokerDown ends the run's own broker. Healed, it is started on the data that it had.
type BrokerDown struct {
	How     string `json:"how" doc:"'stop' (SIGTERM, as for an upgrade) or 'kill' (SIGKILL, as a crash)"`
	Waiting int    `json:"waiting" doc:"messages that must be ready in the target's queue before it ends; 0: any number"`
}

// Inject implements Fault. It is in effect once the broker has ended a connection of the target, or the
// target has tried to open one in vain.
func (f *BrokerDown) Inject(ctx context.Context, lab Lab) (Injected, error) {
	if f.How != "stop" && f.How != "kill" {
		return Injected{}, fmt.Errorf("how: %q, want \"stop\" or \"kill\"", f.How)
	}
	if f.Waiting < 0 {
		return Injected{}, fmt.Errorf("waiting: %d, want none below 0", f.Waiting)
	}
	node, release, err := takeBroker(lab, brokerProcess)
	if err != nil {
		return Injected{}, err
	}
	if err := piled(ctx, node, lab.Queue(), f.Waiting); err != nil {
		release()
		return Injected{}, err
	}
	cut := lab.Watch(closedOn(lab, func(e *history.Event) bool { return e.Flags.Has(history.FromBroker) }))
	heal := func(ctx context.Context) error {
		cut.Close()
		if err := node.Start(ctx); err != nil && !errors.Is(err, broker.ErrRunning) {
			return fmt.Errorf("start the broker again: %w", err)
		}
		release()
		return nil
	}
	if err := f.end(ctx, node); err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), healLimit)
		defer cancel()
		return Injected{}, errors.Join(fmt.Errorf("%s the broker: %w", f.How, err), heal(ctx))
	}
	return Injected{
		InEffect: func(ctx context.Context) (string, error) {
			defer cut.Close()
			e, err := cut.Next(ctx)
			if err != nil {
				return "", fmt.Errorf("waiting until a connection of the target ends with the broker: %w", err)
			}
			return fmt.Sprintf("%s lost connection %d: %s", lab.Role(e.Conn), e.Conn, e.Text), nil
		},
		Heal: heal,
		Gone: func(ctx context.Context) (string, error) { return confirmed(ctx, lab) },
	}, nil
}

func (f *BrokerDown) end(ctx context.Context, node Broker) error {
	if f.How == "stop" {
		return node.Stop(ctx)
	}
	if _, err := node.Eval(ctx, "mnesia:sync_log()"); err != nil {
		return err
	}
	return node.Kill()
}

// brokerProcess is what faults that end or stop the broker claim.
const brokerProcess = "whether the broker runs"

// takeBroker gives the run's own broker, and claims one thing of it.
func takeBroker(lab Lab, what string) (node Broker, release func(), err error) {
	if node, err = lab.Broker(); err != nil {
		return nil, nil, err
	}
	if release, err = lab.Claim(what); err != nil {
		return nil, nil, err
	}
	return node, release, nil
}

// closedOn likes the ends of the target's connections that how likes, but for those that a fault made.
func closedOn(lab Lab, how func(*history.Event) bool) func(*history.Event) bool {
	target := ofTarget(lab)
	return func(e *history.Event) bool {
		return e.Kind == history.ConnClose && !e.Flags.Has(history.Synthetic) && target(lab.Role(e.Conn)) && how(e)
	}
}

// confirmed waits until the broker confirms a publish of the load.
func confirmed(ctx context.Context, lab Lab) (string, error) {
	w := lab.Watch(func(e *history.Event) bool {
		return e.Kind == history.Confirm && strings.HasPrefix(lab.Role(e.Conn), "load")
	})
	defer w.Close()
	return firstSeen(ctx, w, "the broker confirmed a publish of the load")
}

// delivered waits until the broker delivers a message to the target.
func delivered(ctx context.Context, lab Lab) (string, error) {
	target := ofTarget(lab)
	w := lab.Watch(func(e *history.Event) bool { return e.Kind == history.Deliver && target(lab.Role(e.Conn)) })
	defer w.Close()
	return firstSeen(ctx, w, "the broker delivered a message to the target")
}
