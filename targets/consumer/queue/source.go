package queue

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"golang.org/x/time/rate"
)

// The reasons for which a channel is left, beside an *amqp.Error.
var (
	ErrCancelled = errors.New("the broker cancelled the consumer")
	ErrLost      = errors.New("the channel is gone")
	ErrGap       = errors.New("a delivery got lost: the tags have a gap")
	ErrStalled   = errors.New("nothing is delivered though messages are ready and there is room for them")
	ErrUnproven  = errors.New("idle: the channel is renewed so that lost acks and deliveries come back")
)

// Source consumes one queue and hands each delivery to a handler.
type Source struct {
	Link       *Link
	Topology   Topology
	Prefetch   int           // unsettled deliveries at most; 0: 8
	Workers    int           // handlers running at the same time; 0: 1
	StallAfter time.Duration // silence after which the channel is doubted; 0: 5 s
	Log        *slog.Logger

	// Again decides what happens after a channel was lost for the given reason: nil opens another,
	// an error ends Run with it. Default: open another, at first at once, then ten a second at most.
	Again func(ctx context.Context, why error) error
	// Keep decides whether the deliveries in hand are worked on though the channel is left. Default: after
	// the broker's cancel, as the queue may be gone, and with it the broker's copies of them.
	Keep func(why error) bool
	// Declare makes the queues on each new channel. Default: Topology's.
	Declare func(*amqp.Channel) error
	// OnLeft is told each reason for which a channel was left, but the end of Run.
	OnLeft func(why error)
	// OnConsuming is told each time the broker has accepted our consumer.
	OnConsuming func()

	consuming atomic.Bool
}

// Consuming tells whether the broker has accepted our consumer and it has not ended since.
func (s *Source) Consuming() bool { return s.consuming.Load() }

// Run consumes until ctx ends, across lost channels and connections. When ctx ends it cancels the
// consumer, hands back what no handler has started (what is kept goes to a handler all the same), waits
// for the running handlers, which may still settle, and closes the channel. Ending handlers in time is up
// to whoever gave them their context.
func (s *Source) Run(ctx context.Context, handle func(*Delivery)) error {
	again := s.Again
	if again == nil {
		again = s.soon()
	}
	workers := newPool(s.Workers, handle)
	var last *session
	defer func() {
		workers.finish()
		if last != nil {
			last.close()
		}
	}()
	for {
		next, err := s.open(ctx)
		if err == nil {
			last = next
			s.consuming.Store(true)
			if s.OnConsuming != nil {
				s.OnConsuming()
			}
			err = next.pump(ctx, workers)
			s.consuming.Store(false)
			if s.keep(err) {
				next.finish(workers)
			}
			next.leave(ctx)
		}
		if ctx.Err() != nil {
			return nil
		}
		if last != nil {
			// Its running handlers can no longer settle: what they had comes again, and what is orphaned they
			// publish again.
			last.close()
			last = nil
		}
		level := slog.LevelWarn
		if errors.Is(err, ErrUnproven) {
			level = slog.LevelDebug // routine
		}
		orDiscard(s.Log).Log(ctx, level, "channel left; opening another", "queue", s.Topology.Jobs, "reason", err)
		if s.OnLeft != nil {
			s.OnLeft(err)
		}
		if err := again(ctx, err); err != nil {
			return err
		}
	}
}

// soon is the default of Again. The limit keeps a broker that closes every channel from being flooded;
// for a queue that does not fit, the waits grow as they do for a broker that is away.
func (s *Source) soon() func(context.Context, error) error {
	limit := rate.NewLimiter(10, 3)
	least, most := s.Link.waits()
	next := least
	return func(ctx context.Context, why error) error {
		_ = limit.Wait(ctx) // an ended ctx is seen by the caller
		if !errors.Is(why, ErrOtherArguments) {
			next = least
			return nil
		}
		select {
		case <-time.After(next):
		case <-ctx.Done():
		}
		next = min(2*next, most)
		return nil
	}
}

func (s *Source) keep(why error) bool {
	if s.Keep != nil {
		return s.Keep(why)
	}
	return errors.Is(why, ErrCancelled)
}

func (s *Source) declare(ch *amqp.Channel) error {
	if s.Declare != nil {
		return s.Declare(ch)
	}
	return s.Topology.Declare(ch)
}

// open gets a channel ready and starts consuming on it.
func (s *Source) open(ctx context.Context) (*session, error) {
	ch, err := s.Link.Channel(ctx)
	if err != nil {
		return nil, err
	}
	n := &session{
		source:     s,
		ch:         ch,
		gate:       &gate{ch: ch},
		began:      time.Now(),
		closed:     ch.NotifyClose(make(chan *amqp.Error, 1)),
		cancelled:  ch.NotifyCancel(make(chan string, 1)),
		prefetch:   orDefault(s.Prefetch, 8),
		stallAfter: orDefault(s.StallAfter, 5*time.Second),
		arrived:    s.arrived(), // what came before is no message that is on its way on this channel
	}
	n.deliveries, err = within(context.WithoutCancel(ctx), s.Link.timeout(), func() (<-chan amqp.Delivery, error) {
		if err := s.declare(ch); err != nil {
			return nil, err
		}
		if err := ch.Qos(n.prefetch, 0, false); err != nil {
			return nil, err
		}
		return ch.Consume(s.Topology.Jobs, consumerTag, false, false, false, false, nil)
	})
	if err != nil {
		n.close()
		if errors.Is(err, ErrNoAnswer) {
			s.Link.Drop()
		}
		return nil, err
	}
	return n, nil
}

func orDefault[T int | time.Duration](v, def T) T {
	if v <= 0 {
		return def
	}
	return v
}
