package legacy

import (
	"context"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
)

// zombie has a loop over its deliveries that ends with its channel, in a process that does not. The
// connection runs on, with no channel, and its heartbeats say that all is well.
func zombie(c *consumer.Consumer) {
	byHand(c).lost = func(ctx context.Context, _ *amqp.Channel) { <-ctx.Done() }
}
