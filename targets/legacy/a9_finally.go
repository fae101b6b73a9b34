package legacy

import (
	"context"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
)

// ackInFinally acks a job however it ended; what was to be tried again is nowhere then.
func ackInFinally(c *consumer.Consumer) {
	next := c.Worker.Publish
	c.Worker.Publish = func(ctx context.Context, queue string, m amqp.Publishing) error {
		if queue == c.Settings.RetryQueue {
			return nil
		}
		return next(ctx, queue, m)
	}
}
