package legacy

import (
	"context"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
)

// transientRetry publishes a failed job for its next try with the library's default delivery mode. The
// queue is durable; the message is not.
func transientRetry(c *consumer.Consumer) {
	next := c.Worker.Publish
	c.Worker.Publish = func(ctx context.Context, queue string, m amqp.Publishing) error {
		m.DeliveryMode = 0
		return next(ctx, queue, m)
	}
}
