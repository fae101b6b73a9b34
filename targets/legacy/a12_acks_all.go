package legacy

import (
	"context"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/host"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
)

// acksAllOnNotice cleans up before it goes: it acks what it has in hand, and drops the work.
func acksAllOnNotice(c *consumer.Consumer) {
	noticed := make(chan struct{})
	watch, handle := c.WatchNotice, c.Handle
	c.WatchNotice = func(ctx context.Context) *host.Notice {
		n := watch(ctx)
		if n != nil {
			close(noticed)
		}
		return n
	}
	c.Handle = func(ctx context.Context, d *queue.Delivery) {
		ctx, drop := context.WithCancel(ctx)
		defer drop()
		go func() {
			select {
			case <-noticed:
				_ = d.Ack()
				drop()
			case <-ctx.Done():
			}
		}()
		handle(ctx, d)
	}
}
