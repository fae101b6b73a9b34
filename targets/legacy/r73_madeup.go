package legacy

import (
	"context"
	"crypto/rand"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
)

// madeUpID gives a message without an id one of its own, another each time that it comes.
func madeUpID(c *consumer.Consumer) {
	next := c.Handle
	c.Handle = func(ctx context.Context, d *queue.Delivery) {
		if d.Message.MessageId == "" {
			d.Message.MessageId = rand.Text()
		}
		next(ctx, d)
	}
}
