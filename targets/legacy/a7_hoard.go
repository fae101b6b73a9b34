package legacy

import (
	"context"
	"time"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
)

// hoardOnDrain starts no further job once it was told to stop, and keeps what it has prefetched until its
// time is nearly over. It gives it back then, and exits with 0.
func hoardOnDrain(c *consumer.Consumer) {
	source := c.Source
	c.Source = sourceFunc(func(told context.Context, to func(*queue.Delivery)) error {
		ctx, stop := context.WithCancel(context.WithoutCancel(told))
		defer stop()
		ended := context.AfterFunc(told, func() { time.AfterFunc(c.Settings.DrainTimeout, stop) })
		defer ended()
		return source.Run(ctx, func(d *queue.Delivery) {
			if told.Err() == nil {
				to(d)
				return
			}
			<-ctx.Done()
			_ = d.HandBack()
		})
	})
}
