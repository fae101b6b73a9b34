package legacy

import (
	"context"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
)

// redeliveredIsPoison takes the broker's redelivered for "somebody has failed at it": such a job goes to
// the dead letters unseen. After a crash of the broker that is every job.
func redeliveredIsPoison(c *consumer.Consumer) {
	next := c.Handle
	c.Handle = func(ctx context.Context, d *queue.Delivery) {
		m := d.Message
		if !m.Redelivered {
			next(ctx, d)
			return
		}
		err := c.Publisher.Publish(ctx, c.Settings.DeadQueue, amqp.Publishing{
			MessageId: m.MessageId, ContentType: m.ContentType, Body: m.Body, DeliveryMode: amqp.Persistent,
		})
		if err != nil {
			_ = d.HandBack()
			return
		}
		_ = d.Ack()
	}
}
