package legacy

import (
	"context"
	"time"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
)

// noRoomNoWork does no job that it could not write down, and hands it back.
func noRoomNoWork(c *consumer.Consumer) {
	next := c.Handle
	c.Handle = func(ctx context.Context, d *queue.Delivery) {
		if c.Journal == nil || c.Journal.Err() == nil {
			next(ctx, d)
			return
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
		}
		_ = d.HandBack()
	}
}
