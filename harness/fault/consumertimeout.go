package fault

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

var consumerTimeoutKind = Kind{
	Name: "consumerTimeout", Args: []string{"limit"},
	Doc: "lowers the broker's consumer_timeout, the time for which a delivery may stay unsettled",
	Does: `Sets it (30 min by default), and how often the broker looks (60 s); both are read when a channel opens, so it closes the
connections that consume the target's queue. In effect once the broker has closed a channel of the target's because of it
(406); healed, both are what they were, the connections are closed once more, and it is gone once a message is delivered to
the target again.`,
	Correct: `Opens another channel; the job that took too long goes on, and is recognised when it comes again: it counts once, and
is settled on the channel that it came on last.`,
	Needs: ownBroker,
	New:   func() Fault { return &ConsumerTimeout{} },
}

// ConsumerTimeout lowers the broker's limit for unsettled deliveries.
type ConsumerTimeout struct {
	Limit script.Duration `json:"limit" doc:"at least 100ms; the broker looks every half of it"`
}

// Inject implements Fault. It is in effect once a channel of the target's was closed because of it.
func (f *ConsumerTimeout) Inject(ctx context.Context, lab Lab) (Injected, error) {
	limit := time.Duration(f.Limit)
	if limit < 100*time.Millisecond {
		return Injected{}, fmt.Errorf("limit: %v, want 100ms or more", limit)
	}
	node, release, err := takeBroker(lab, "the broker's consumer_timeout")
	if err != nil {
		return Injected{}, err
	}
	before, err := node.Eval(ctx, `[{N, V} || N <- [consumer_timeout, channel_tick_interval], {ok, V} <- [application:get_env(rabbit, N)]]`)
	if err != nil {
		release()
		return Injected{}, fmt.Errorf("read the broker's consumer_timeout: %w", err)
	}
	target := ofTarget(lab)
	late := lab.Watch(func(e *history.Event) bool {
		return e.Kind == history.ChanClose && e.Code == 406 && e.Flags.Has(history.FromBroker) && !e.Flags.Has(history.Synthetic) &&
			strings.Contains(e.Text, "timed out") && target(lab.Role(e.Conn))
	})
	set := func(ctx context.Context, settings string) error {
		_, err := node.Eval(ctx, fmt.Sprintf("[application:set_env(rabbit, N, V) || {N, V} <- %s]", settings))
		if err != nil {
			return fmt.Errorf("set the broker's consumer_timeout: %w", err)
		}
		return closeConsumers(ctx, node, lab.Queue())
	}
	heal := func(ctx context.Context) error {
		late.Close()
		if err := set(ctx, before); err != nil && !errors.Is(err, errNoConsumer) { // who comes later finds the old limit
			return err
		}
		release()
		return nil
	}
	low := fmt.Sprintf("[{consumer_timeout, %d}, {channel_tick_interval, %d}]", limit.Milliseconds(), limit.Milliseconds()/2)
	if err := set(ctx, low); err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), healLimit)
		defer cancel()
		return Injected{}, errors.Join(err, heal(ctx))
	}
	return Injected{
		InEffect: func(ctx context.Context) (string, error) {
			defer late.Close()
			e, err := late.Next(ctx)
			if err != nil {
				return "", fmt.Errorf("waiting until the broker closes a channel of the target's over an unsettled delivery: %w", err)
			}
			return fmt.Sprintf("%s was told on connection %d: %s", lab.Role(e.Conn), e.Conn, e.Text), nil
		},
		Heal: heal,
		Gone: func(ctx context.Context) (string, error) { return delivered(ctx, lab) },
	}, nil
}
