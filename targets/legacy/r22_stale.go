package legacy

import (
	"context"
	"sync/atomic"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
)

// staleAck keeps the tag of a delivery and acks it on the channel that is open by then. After a
// reconnect that tag is another message's, or nobody's.
func staleAck(c *consumer.Consumer) {
	var current atomic.Pointer[amqp.Channel]
	next := c.Handle
	c.Handle = func(ctx context.Context, d *queue.Delivery) {
		if ch := d.Channel(); ch != nil {
			current.Store(ch)
			d.Message.Acknowledger = onCurrent{&current}
		}
		next(ctx, d)
	}
}

// onCurrent settles on whatever channel is current.
type onCurrent struct{ ch *atomic.Pointer[amqp.Channel] }

func (o onCurrent) Ack(tag uint64, multiple bool) error { return o.ch.Load().Ack(tag, multiple) }
func (o onCurrent) Nack(tag uint64, multiple, requeue bool) error {
	return o.ch.Load().Nack(tag, multiple, requeue)
}
func (o onCurrent) Reject(tag uint64, requeue bool) error { return o.ch.Load().Reject(tag, requeue) }
