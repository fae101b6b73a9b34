package legacy

import (
	"context"
	"errors"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
)

// missingIsForGood takes a queue that is not found for one that never will be.
func missingIsForGood(c *consumer.Consumer) {
	c.Source.(*queue.Source).Again = func(ctx context.Context, why error) error {
		if e, ok := errors.AsType[*amqp.Error](why); ok && e.Code == amqp.NotFound {
			c.Log.Error("there is no such queue; ask an administrator", "error", e)
			<-ctx.Done()
		}
		return nil
	}
}
