package legacy

import (
	"context"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
)

// earlyAck acks first. What the work then does to settle the message comes too late.
func earlyAck(c *consumer.Consumer) {
	next := c.Handle
	c.Handle = func(ctx context.Context, d *queue.Delivery) {
		_ = d.Ack()
		next(ctx, d)
	}
}
