package legacy

import (
	"context"
	"errors"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
)

// nackIsConfirm waits for the broker's answer to a publish, and does not look at it.
func nackIsConfirm(c *consumer.Consumer) { overlook(c, queue.ErrRefused) }

// returnIsConfirm does not listen for what comes back as unroutable: a confirm follows that, too.
func returnIsConfirm(c *consumer.Consumer) { overlook(c, queue.ErrUnroutable) }

// notMandatory listens for what comes back as unroutable, but does not ask for it: the broker drops what no
// queue wants, and confirms it.
func notMandatory(c *consumer.Consumer) {
	c.Publisher.Send = func(ch *amqp.Channel, queue string, m amqp.Publishing) (*amqp.DeferredConfirmation, error) {
		return ch.PublishWithDeferredConfirm("", queue, false, false, m)
	}
}

func overlook(c *consumer.Consumer, what error) {
	next := c.Worker.Publish
	c.Worker.Publish = func(ctx context.Context, queue string, m amqp.Publishing) error {
		err := next(ctx, queue, m)
		if errors.Is(err, what) {
			return nil
		}
		return err
	}
}
