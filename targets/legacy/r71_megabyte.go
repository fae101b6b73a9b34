package legacy

import (
	"context"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
)

// oneMegabyte reads a body into a buffer of a size that was always enough.
func oneMegabyte(c *consumer.Consumer) {
	next := c.Handle
	c.Handle = func(ctx context.Context, d *queue.Delivery) {
		d.Message.Body = d.Message.Body[:min(len(d.Message.Body), 1<<20)]
		next(ctx, d)
	}
}
