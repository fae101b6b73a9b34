package legacy

import (
	"context"
	"sync/atomic"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
)

// noticesAtAck learns of a closed channel by an ack that fails. So it comes back when it was at work,
// and never when it was idle.
func noticesAtAck(c *consumer.Consumer) {
	failed := make(chan *amqp.Channel, 1)
	handle := c.Handle
	c.Handle = func(ctx context.Context, d *queue.Delivery) {
		ch := d.Channel()
		if ch != nil {
			d.Message.Acknowledger = &telling{Channel: ch, failed: failed}
		}
		handle(ctx, d)
	}
	byHand(c).lost = func(ctx context.Context, ch *amqp.Channel) {
		for {
			select {
			case old := <-failed:
				if old == ch {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}

// telling is a channel that tells when an ack on it fails.
type telling struct {
	*amqp.Channel
	failed chan<- *amqp.Channel
	told   atomic.Bool
}

func (t *telling) Ack(tag uint64, multiple bool) error {
	err := t.Channel.Ack(tag, multiple)
	if err != nil && t.told.CompareAndSwap(false, true) {
		select {
		case t.failed <- t.Channel:
		default:
		}
	}
	return err
}
