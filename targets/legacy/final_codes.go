package legacy

import (
	"context"
	"errors"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
)

// forcedIsFinal takes CONNECTION_FORCED for an operator's wish that it stop.
func forcedIsFinal(c *consumer.Consumer) {
	finalCode(c, amqp.ConnectionForced)
}

// preconditionIsFinal takes 406 for a queue that was declared with other arguments, which no new try
// can mend.
func preconditionIsFinal(c *consumer.Consumer) {
	finalCode(c, amqp.PreconditionFailed)
}

// frameErrorIsFinal takes 501 for a bug of its own, which would only come again. The client library calls
// every lost connection so; it means the broker's word.
func frameErrorIsFinal(c *consumer.Consumer) {
	final(c, func(why error) bool {
		closed, ok := errors.AsType[*amqp.Error](why)
		return ok && closed.Code == amqp.FrameError && closed.Server
	})
}

// finalCode stops consuming for good when the broker closes with that code, and says nothing.
func finalCode(c *consumer.Consumer, code int) {
	final(c, func(why error) bool {
		closed, ok := errors.AsType[*amqp.Error](why)
		return ok && closed.Code == code
	})
}

// final stops consuming for good for some reasons.
func final(c *consumer.Consumer, is func(error) bool) {
	c.Source.(*queue.Source).Again = func(ctx context.Context, why error) error {
		if is(why) {
			<-ctx.Done()
		}
		return ctx.Err()
	}
}
