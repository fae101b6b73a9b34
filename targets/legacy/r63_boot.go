package legacy

import (
	"context"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
)

// connectsOnce tries to connect once when it starts; only a connection that it has had is opened again.
func connectsOnce(c *consumer.Consumer) {
	source, connected := c.Source, false
	c.Source = sourceFunc(func(ctx context.Context, handle func(*queue.Delivery)) error {
		if connected = connected || reaches(c.Settings.AMQPURL); connected {
			return source.Run(ctx, handle)
		}
		<-ctx.Done()
		return ctx.Err()
	})
}
