package queue

import (
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Topology names the three queues of a consumer. All are durable.
type Topology struct {
	Jobs  string
	Retry string // messages wait here until their expiration, then go back to Jobs
	Dead  string // messages that were given up
}

// Declare creates what is missing. The wait is an expiration of each message and no argument of the
// retry queue, so that it can be changed without deleting the queue.
func (t Topology) Declare(ch *amqp.Channel) error {
	back := amqp.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": t.Jobs}
	for _, q := range []struct {
		name string
		args amqp.Table
	}{{t.Jobs, nil}, {t.Retry, back}, {t.Dead, nil}} {
		if _, err := ch.QueueDeclare(q.name, true, false, false, false, q.args); err != nil {
			return fmt.Errorf("declare queue %s: %w; a queue of that name with other arguments must be deleted first", q.name, err)
		}
	}
	return nil
}
