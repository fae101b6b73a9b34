package legacy

import (
	"strings"
	"sync/atomic"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
)

// knowsMemoryOnly looks for the memory alarm in what the broker says of a blocked connection. While it is
// short of disk each failed job keeps a worker until its copy is confirmed.
func knowsMemoryOnly(c *consumer.Consumer) {
	var unknown atomic.Bool
	c.Publisher.Link.Dial = func(url string, config amqp.Config) (*amqp.Connection, error) {
		conn, err := amqp.DialConfig(url, config)
		if err != nil {
			return nil, err
		}
		blocked := conn.NotifyBlocked(make(chan amqp.Blocking, 8))
		go func() {
			for b := range blocked {
				unknown.Store(b.Active && !strings.Contains(b.Reason, "memory"))
			}
			unknown.Store(false)
		}()
		return conn, nil
	}
	insists(c, unknown.Load)
}
