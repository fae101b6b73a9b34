package legacy

import (
	"context"
	"sync/atomic"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
)

const oneIn = 500

func loseOneIn500(c *consumer.Consumer) {
	next := c.Handle
	var seen atomic.Int64
	c.Handle = func(ctx context.Context, d *queue.Delivery) {
		if seen.Add(1)%oneIn == 0 {
			_ = d.Ack()
		}
		if !d.Settled() {
			next(ctx, d)
		}
	}
}
