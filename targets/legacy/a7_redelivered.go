package legacy

import (
	"context"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
)

// redeliveredIsDone takes the broker's flag for a proof that somebody has done the job. All that it says
// is that somebody was given it.
func redeliveredIsDone(c *consumer.Consumer) {
	next := c.Handle
	c.Handle = func(ctx context.Context, d *queue.Delivery) {
		if d.Message.Redelivered {
			_ = d.Ack()
			return
		}
		next(ctx, d)
	}
}
