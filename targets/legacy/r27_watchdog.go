package legacy

import (
	"time"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
)

// noWatchdog trusts that every ack arrives.
func noWatchdog(c *consumer.Consumer) {
	c.Source.(*queue.Source).StallAfter = 365 * 24 * time.Hour
}
