package legacy

import (
	"context"
	"sync/atomic"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
)

// deafToStop goes on consuming when it is told to stop, as one does that never gets the signal: a shell
// in between that does not pass it on.
func deafToStop(c *consumer.Consumer) {
	source, handle := c.Source, c.Handle
	c.Source = sourceFunc(func(ctx context.Context, to func(*queue.Delivery)) error {
		return source.Run(context.WithoutCancel(ctx), to)
	})
	c.Handle = func(ctx context.Context, d *queue.Delivery) { handle(context.WithoutCancel(ctx), d) }
}

// ackAllOnStop leaves no message unacked behind when it stops, done or not.
func ackAllOnStop(c *consumer.Consumer) {
	var last atomic.Pointer[queue.Delivery]
	source := c.Source
	c.Source = sourceFunc(func(told context.Context, to func(*queue.Delivery)) error {
		ctx, stop := context.WithCancel(context.WithoutCancel(told))
		defer stop()
		ended := context.AfterFunc(told, func() {
			if d := last.Load(); d != nil {
				_ = d.Message.Acknowledger.Ack(0, true) // 0, multiple: all that this channel was given
			}
			stop()
		})
		defer ended()
		return source.Run(ctx, func(d *queue.Delivery) {
			last.Store(d)
			to(d)
		})
	})
}
