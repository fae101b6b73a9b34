package legacy

import (
	"context"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
)

// waitsForConfirm lets no failed job go before its copy is confirmed, however long that takes: while the
// broker takes nothing, each failed job keeps a worker.
func waitsForConfirm(c *consumer.Consumer) {
	insists(c, func() bool { return true })
}

// insists publishes until that is confirmed, in whatever cases.
func insists(c *consumer.Consumer, when func() bool) {
	next := c.Worker.Publish
	c.Worker.Publish = func(ctx context.Context, queue string, m amqp.Publishing) error {
		for {
			err := next(ctx, queue, m)
			if err == nil || !when() {
				return err
			}
			select {
			case <-time.After(50 * time.Millisecond):
			case <-ctx.Done():
				return err
			}
		}
	}
}
