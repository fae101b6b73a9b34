package legacy

import (
	"context"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
)

// ackAgain acks what came again a second time: once where it was recognised, and once on the way out.
func ackAgain(c *consumer.Consumer) {
	next := c.Handle
	c.Handle = func(ctx context.Context, d *queue.Delivery) {
		next(ctx, d)
		if d.Message.Redelivered {
			_ = d.Message.Ack(false)
		}
	}
}
