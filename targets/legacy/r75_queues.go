package legacy

import (
	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
)

// topology makes a defect of what is wrong about the queue that the consumer declares.
func topology(spoil func(*queue.Topology)) func(*consumer.Consumer) {
	return func(c *consumer.Consumer) {
		spoil(&c.Source.(*queue.Source).Topology)
		spoil(&c.Publisher.Topology)
	}
}

// plainQueue forgets that priorities are no matter of the messages alone: the queue must have them.
func plainQueue(t *queue.Topology) { t.MaxPriority = 0 }

// expiredVanish declares no dead-letter exchange: what expires is gone without a trace.
func expiredVanish(t *queue.Topology) { t.DeadLetter = false }

// noLimit declares a quorum queue without a delivery limit.
func noLimit(t *queue.Topology) { t.DeliveryLimit = 0 }
