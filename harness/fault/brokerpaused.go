package fault

import (
	"context"
	"errors"
	"fmt"

	"github.com/comeback-chaos/xk6-comeback/harness/broker"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

var brokerPausedKind = Kind{
	Name: "brokerPaused",
	Doc:  "lets the broker stand still for longer than the target waits for it",
	Does: `Stops the process of the broker as it is (SIGSTOP): connections stay open, new ones are taken by the kernel, nothing
answers. In effect once the target has given up a connection; healed, the broker goes on where it was, and it is gone once it
has confirmed a publish of the load.`,
	Correct: `Notices by its heartbeat, gives the connection up and tries another within limits; what it finishes meanwhile counts
once, though its ack is lost and the job comes again.`,
	Needs: ownBroker,
	New:   func() Fault { return &BrokerPaused{} },
}

// BrokerPaused stops the broker's process, as a virtual machine that is moved or a disk that hangs does.
type BrokerPaused struct{}

// Inject implements Fault. It is in effect once the target has ended a connection by itself.
func (f *BrokerPaused) Inject(_ context.Context, lab Lab) (Injected, error) {
	node, release, err := takeBroker(lab, brokerProcess)
	if err != nil {
		return Injected{}, err
	}
	left := lab.Watch(closedOn(lab, func(e *history.Event) bool {
		return !e.Flags.Has(history.FromBroker)
	}))
	if err := node.Pause(); err != nil {
		left.Close()
		release()
		return Injected{}, fmt.Errorf("pause the broker: %w", err)
	}
	return Injected{
		InEffect: func(ctx context.Context) (string, error) {
			defer left.Close()
			e, err := left.Next(ctx)
			if err != nil {
				return "", fmt.Errorf("waiting until the target gives up a connection to the paused broker: %w", err)
			}
			return fmt.Sprintf("%s gave up connection %d: %s", lab.Role(e.Conn), e.Conn, e.Text), nil
		},
		Heal: func(context.Context) error {
			left.Close()
			if err := node.Resume(); err != nil && !errors.Is(err, broker.ErrStopped) {
				return fmt.Errorf("let the broker go on: %w", err)
			}
			release()
			return nil
		},
		Gone: func(ctx context.Context) (string, error) { return confirmed(ctx, lab) },
	}, nil
}
