package legacy

import (
	"context"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
)

// givesUp tries to connect again a few times, which is enough for a blip, and then no more: the process
// lives on, without a connection.
func givesUp(c *consumer.Consumer) {
	const tries, pause = 5, 100 * time.Millisecond
	c.Source.(*queue.Source).Again = func(ctx context.Context, _ error) error {
		for range tries {
			if reaches(c.Settings.AMQPURL) {
				return nil
			}
			select {
			case <-time.After(pause):
			case <-ctx.Done():
			}
		}
		<-ctx.Done()
		return ctx.Err()
	}
}

// reaches tells whether there is a broker.
func reaches(url string) bool {
	conn, err := amqp.DialConfig(url, amqp.Config{Dial: amqp.DefaultDial(time.Second)})
	if err != nil {
		return false
	}
	return conn.Close() == nil
}
