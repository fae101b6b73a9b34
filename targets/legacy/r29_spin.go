package legacy

import (
	"context"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
)

// spin opens another channel with other workers, and forgets to end the old ones: what they take out
// of a closed Go channel is an empty delivery, millions a second, which they skip.
func spin(c *consumer.Consumer) {
	p := byHand(c)
	p.work = func(ctx context.Context, from <-chan amqp.Delivery, handle func(*queue.Delivery)) {
		for ctx.Err() == nil {
			select {
			case d := <-from: // without ok
				if d.Acknowledger != nil {
					handle(queue.NewDelivery(d, nil))
				}
			case <-ctx.Done():
			}
		}
	}
	p.forget = true
}
