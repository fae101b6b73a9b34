package fault

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

var queueDeletedKind = Kind{
	Name: "queueDeleted",
	Doc:  "deletes the target's queue under its consumers",
	Does: `Waits for a moment when no message is ready in the queue, so that none is thrown away with it but those that arrive in
that moment, and when so many are with the target as held says; then deletes it. In effect once the broker has cancelled a consumer of the target's; there is
nothing to heal, as a target declares its queue itself, and it is gone once a message is delivered to the target again.`,
	Correct: `Sees the cancel, declares the queue and consumes again; finishes the jobs that it holds, of which the broker has no copy
any more: one that it hands back is lost.`,
	Needs: ownBroker,
	New:   func() Fault { return &QueueDeleted{} },
}

// QueueDeleted deletes the target's queue, as a clean-up or a move to another node does. The deletion
// waits for its moment in the background: another fault may bring that about.
type QueueDeleted struct {
	Held int `json:"held" doc:"messages that the target must hold unsettled at that moment; 0: any number"`
}

// heldPeriod is how often the queue is looked at for the moment.
const heldPeriod = 2 * time.Millisecond

// Inject implements Fault. It is in effect once the target was told by a basic.cancel.
func (f *QueueDeleted) Inject(ctx context.Context, lab Lab) (Injected, error) {
	if f.Held < 0 {
		return Injected{}, fmt.Errorf("held: %d, want none below 0", f.Held)
	}
	node, release, err := takeBroker(lab, "whether the target's queue is there")
	if err != nil {
		return Injected{}, err
	}
	queue := lab.Queue()
	target := ofTarget(lab)
	told := lab.Watch(func(e *history.Event) bool {
		return e.Kind == history.Cancel && e.Flags.Has(history.FromBroker) && !e.Flags.Has(history.Synthetic) && target(lab.Role(e.Conn))
	})
	trying, stop := context.WithCancel(ctx)
	var deletion sync.WaitGroup
	var failed error // belongs to the deletion until it has ended
	deletion.Go(func() { failed = f.delete(trying, node, queue) })
	return Injected{
		InEffect: func(ctx context.Context) (string, error) {
			defer told.Close()
			deletion.Wait() // it ends with the run, or with the heal
			if failed != nil {
				return "", failed
			}
			e, err := told.Next(ctx)
			if err != nil {
				return "", fmt.Errorf("waiting until the broker cancels a consumer of the target's: %w", err)
			}
			return fmt.Sprintf("a consumer of %s was cancelled on connection %d", lab.Role(e.Conn), e.Conn), nil
		},
		Heal: func(context.Context) error {
			stop()
			deletion.Wait()
			told.Close()
			release()
			return nil
		},
		Gone: func(ctx context.Context) (string, error) { return delivered(ctx, lab) },
	}, nil
}

// delete tries until the moment is there. One expression looks and deletes, and the broker itself
// refuses to delete a queue that has a ready message: only what comes while the broker deletes it, some 10 ms, is thrown away.
func (f *QueueDeleted) delete(ctx context.Context, node Broker, queue string) error {
	expr := fmt.Sprintf(`{ok, Q} = rabbit_amqqueue:lookup(%s), [{_, Held}] = rabbit_amqqueue:info(Q, [messages_unacknowledged]),
		if Held < %d -> {few, Held}; true -> element(1, rabbit_amqqueue:delete(Q, false, true, <<"comeback">>)) end`, resource(queue), f.Held)
	tick := time.NewTicker(heldPeriod)
	defer tick.Stop()
	for {
		said, err := node.Eval(ctx, expr)
		switch {
		case err != nil:
			return fmt.Errorf("delete queue %s: %w", queue, err)
		case said == "ok":
			return nil
		case said != "error" && !strings.HasPrefix(said, "{few,"): // error: not empty
			return fmt.Errorf("delete queue %s: the broker said %s", queue, said)
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("waiting until queue %s is empty with %d messages or more held: last it was %s", queue, f.Held, said), context.Cause(ctx))
		case <-tick.C:
		}
	}
}
