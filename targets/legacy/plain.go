package legacy

import (
	"context"
	"sync"
	"sync/atomic"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
)

// plain is a consume loop as it is often written by hand: workers range over a channel's deliveries, and
// when the broker closes the channel, another is opened. Defects swap its decisions.
type plain struct {
	c     *consumer.Consumer
	queue *queue.Source // what it replaces

	consuming atomic.Bool // it has begun, and believes that it goes on

	work      func(ctx context.Context, from <-chan amqp.Delivery, handle func(*queue.Delivery)) // one worker, nil: range
	lost      func(ctx context.Context, ch *amqp.Channel)                                        // after a close, nil: open another
	cancelled func(ch *amqp.Channel) (<-chan amqp.Delivery, error)                               // nil: take it for a close
	forget    bool                                                                               // do not wait for the workers of a channel that is gone
}

// byHand puts a plain loop in the place of the consumer's own.
func byHand(c *consumer.Consumer) *plain {
	p := &plain{c: c, queue: c.Source.(*queue.Source), lost: func(context.Context, *amqp.Channel) {}}
	p.work = func(_ context.Context, from <-chan amqp.Delivery, handle func(*queue.Delivery)) {
		for d := range from {
			handle(queue.NewDelivery(d, nil))
		}
	}
	c.Source = p
	c.Board.Consuming = p.consuming.Load
	return p
}

const plainTag = "consumer"

// Run implements consumer.Source.
func (p *plain) Run(ctx context.Context, handle func(*queue.Delivery)) error {
	var workers sync.WaitGroup
	defer workers.Wait()
	for ctx.Err() == nil {
		ch, err := p.c.Link.Channel(ctx)
		if err != nil {
			return nil // ctx has ended
		}
		if p.consume(ctx, ch, &workers, handle) == nil && ctx.Err() == nil {
			p.lost(ctx, ch)
		}
		if !p.forget {
			workers.Wait()
		}
		_ = ch.Close()
	}
	return nil
}

// consume works until the channel is closed, or ctx ends.
func (p *plain) consume(ctx context.Context, ch *amqp.Channel, workers *sync.WaitGroup, handle func(*queue.Delivery)) error {
	closed, cancelled := ch.NotifyClose(make(chan *amqp.Error, 1)), ch.NotifyCancel(make(chan string, 1))
	if err := p.queue.Topology.Declare(ch); err != nil {
		return err
	}
	if err := ch.Qos(p.c.Settings.Prefetch, 0, false); err != nil {
		return err
	}
	from, err := p.start(ch, plainTag)
	if err != nil {
		return err
	}
	for {
		for range p.c.Settings.Workers {
			workers.Go(func() { p.work(ctx, from, handle) })
		}
		select {
		case <-ctx.Done():
			return ch.Close() // what runs can no longer be acked, and comes again
		case <-closed:
			return nil
		case _, open := <-cancelled:
			if !open || p.cancelled == nil {
				return nil
			}
			if from, err = p.cancelled(ch); err != nil {
				return err
			}
		}
	}
}

func (p *plain) start(ch *amqp.Channel, tag string) (<-chan amqp.Delivery, error) {
	from, err := ch.Consume(p.queue.Topology.Jobs, tag, false, false, false, false, nil)
	if err == nil {
		p.consuming.Store(true)
	}
	return from, err
}
