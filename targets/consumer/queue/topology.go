package queue

import (
	"errors"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// ErrOtherArguments means that a queue exists already, with arguments that are not ours. It does not
// pass by itself: somebody has to delete the queue, or to change the settings.
var ErrOtherArguments = errors.New("the queue exists with other arguments")

// Topology names the three queues of a consumer. All are durable. What it says beside the names is
// true of Jobs only: the broker takes no other arguments for a queue that exists.
type Topology struct {
	Jobs  string
	Retry string // messages wait here until their expiration, then go back to Jobs
	Dead  string // messages that were given up

	Type          string // "classic" or "quorum"; "": the broker's default
	MaxPriority   int    // 0: no priorities
	DeliveryLimit int    // of a quorum queue: redeliveries after which the broker gives a message up; 0: none
	DeadLetter    bool   // what the broker gives up or what expires goes to Dead instead of nowhere
}

// Declare creates what is missing. The wait is an expiration of each message and no argument of the
// retry queue, so that it can be changed without deleting the queue.
func (t Topology) Declare(ch *amqp.Channel) error {
	back := amqp.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": t.Jobs}
	for _, q := range []struct {
		name string
		args amqp.Table
	}{{t.Jobs, t.arguments()}, {t.Retry, back}, {t.Dead, nil}} {
		_, err := ch.QueueDeclare(q.name, true, false, false, false, q.args)
		if closed, ok := errors.AsType[*amqp.Error](err); ok && closed.Code == amqp.PreconditionFailed {
			return fmt.Errorf("declare queue %s: %w: %w; delete it, or set the AMQP_… settings to what it has", q.name, ErrOtherArguments, err)
		}
		if err != nil {
			return fmt.Errorf("declare queue %s: %w", q.name, err)
		}
	}
	return nil
}

// arguments are those of Jobs; nil when there are none.
func (t Topology) arguments() amqp.Table {
	args := amqp.Table{}
	if t.Type != "" {
		args["x-queue-type"] = t.Type
	}
	if t.MaxPriority > 0 {
		args["x-max-priority"] = int32(t.MaxPriority)
	}
	if t.DeliveryLimit > 0 {
		args["x-delivery-limit"] = int32(t.DeliveryLimit)
	}
	if t.DeadLetter {
		args["x-dead-letter-exchange"], args["x-dead-letter-routing-key"] = "", t.Dead
	}
	if len(args) == 0 {
		return nil
	}
	return args
}
