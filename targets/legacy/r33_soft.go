package legacy

import (
	"context"
	"errors"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
)

// softErrorsOnly comes back only after what the client library calls recoverable, which the end of a
// connection is not.
func softErrorsOnly(c *consumer.Consumer) {
	source := c.Source.(*queue.Source)
	source.Again = func(ctx context.Context, why error) error {
		if err, ok := errors.AsType[*amqp.Error](why); !ok || err.Recover {
			return nil
		}
		<-ctx.Done()
		return ctx.Err()
	}
}
