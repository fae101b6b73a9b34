package legacy

import (
	"context"
	"errors"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
)

// deadChannel keeps the channel that the broker has closed: process and connection live on.
func deadChannel(c *consumer.Consumer) {
	source := c.Source.(*queue.Source)
	source.Again = func(ctx context.Context, why error) error {
		if _, ok := errors.AsType[*amqp.Error](why); !ok && !errors.Is(why, queue.ErrLost) {
			return nil
		}
		_, _ = c.Link.Channel(ctx)
		<-ctx.Done()
		return ctx.Err()
	}
}
