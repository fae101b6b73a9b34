package legacy

import (
	"context"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
)

// rejectSample answers a failed warm-up as it would a failed job, though nothing was delivered: tag 0.
func rejectSample(c *consumer.Consumer) {
	next := c.WarmUpFailed
	c.WarmUpFailed = func(ctx context.Context, err error) {
		next(ctx, err)
		if ch, err := c.Link.Channel(ctx); err == nil {
			_ = ch.Reject(0, false)
		}
	}
}
