package legacy

import (
	"context"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
)

// transientRetries publishes its copies as the client library does by default: a broker that restarts has
// forgotten them, and their originals were acked.
func transientRetries(c *consumer.Consumer) {
	next := c.Worker.Publish
	c.Worker.Publish = func(ctx context.Context, queue string, m amqp.Publishing) error {
		m.DeliveryMode = amqp.Transient
		return next(ctx, queue, m)
	}
}
