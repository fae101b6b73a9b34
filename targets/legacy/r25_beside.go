package legacy

import (
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
)

// consumeBeside answers a cancel with another consumer on the same channel. If the broker has not
// cancelled the first one, it goes on sending to it, and nobody is there to take that.
func consumeBeside(c *consumer.Consumer) {
	p := byHand(c)
	p.cancelled = func(ch *amqp.Channel) (<-chan amqp.Delivery, error) {
		return p.start(ch, plainTag+"-again")
	}
}
