package legacy

import (
	"sync/atomic"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
)

// oneConnection opens channels anew, and never the connection under them.
func oneConnection(c *consumer.Consumer) {
	var connected atomic.Bool
	c.Link.Dial = func(url string, config amqp.Config) (*amqp.Connection, error) {
		if connected.Load() {
			return nil, amqp.ErrClosed
		}
		conn, err := amqp.DialConfig(url, config)
		connected.Store(err == nil)
		return conn, err
	}
}
