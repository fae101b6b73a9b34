package fault

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

var forceCloseKind = Kind{
	Name: "forceClose",
	Doc:  "has the broker close the connections that consume the target's queue",
	Does: `As rabbitmqctl close_connection does: connection.close 320 CONNECTION_FORCED. In effect once the target was told that;
there is nothing to heal, and it is gone once a message is delivered to the target again.`,
	Correct: "Takes it for any other lost connection: connects again and consumes; what it was at work on counts once.",
	Needs:   ownBroker,
	New:     func() Fault { return &ForceClose{} },
}

// ForceClose closes connections at the broker, once.
type ForceClose struct{}

// Inject implements Fault. It is in effect once the target was told.
func (f *ForceClose) Inject(ctx context.Context, lab Lab) (Injected, error) {
	node, err := lab.Broker()
	if err != nil {
		return Injected{}, err
	}
	told := lab.Watch(closedOn(lab, func(e *history.Event) bool { return e.Flags.Has(history.FromBroker) && e.Code == 320 }))
	if err := closeConsumers(ctx, node, lab.Queue()); err != nil {
		told.Close()
		return Injected{}, err
	}
	return Injected{
		InEffect: func(ctx context.Context) (string, error) {
			defer told.Close()
			e, err := told.Next(ctx)
			if err != nil {
				return "", fmt.Errorf("waiting until the broker closes a connection of the target with 320: %w", err)
			}
			return fmt.Sprintf("%s was told on connection %d: %s", lab.Role(e.Conn), e.Conn, e.Text), nil
		},
		Heal: func(context.Context) error { told.Close(); return nil },
		Gone: func(ctx context.Context) (string, error) { return delivered(ctx, lab) },
	}, nil
}

var errNoConsumer = errors.New("nobody consumes the target's queue")

// closeConsumers closes the connections that consume a queue. errNoConsumer when there is none.
func closeConsumers(ctx context.Context, node Broker, queue string) error {
	closed, err := node.Eval(ctx, fmt.Sprintf(`Consumers = case rabbit_amqqueue:lookup(%s) of {ok, Q} -> rabbit_amqqueue:consumers(Q); _ -> [] end,
		Conns = lists:usort([proplists:get_value(connection, rabbit_channel:info(element(1, C), [connection])) || C <- Consumers]),
		[rabbit_networking:close_connection(P, "closed by comeback") || P <- Conns]`, resource(queue)))
	switch {
	case err != nil:
		return fmt.Errorf("close the connections that consume queue %s: %w", queue, err)
	case closed == "[]":
		return fmt.Errorf("close the connections that consume queue %s: %w", queue, errNoConsumer)
	}
	return nil
}

// resource is a queue's name in Erlang: in the default vhost, which a broker of the run's own has for it
// alone.
func resource(queue string) string {
	return fmt.Sprintf(`rabbit_misc:r(<<"/">>, queue, %s)`, erlangBinary(queue))
}

// erlangBinary writes s as an Erlang binary.
func erlangBinary(s string) string {
	codes := make([]string, len(s))
	for i := range len(s) {
		codes[i] = fmt.Sprint(s[i])
	}
	return "<<" + strings.Join(codes, ",") + ">>"
}
