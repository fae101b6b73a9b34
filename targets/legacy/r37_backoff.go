package legacy

import (
	"time"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
)

// noBackoff tries to connect again at once, or nearly.
func noBackoff(c *consumer.Consumer) {
	c.Link.Min, c.Link.Max = 50*time.Millisecond, 51*time.Millisecond
}

// noJitter waits as it should, but every instance waits the same.
func noJitter(c *consumer.Consumer) { c.Link.Jitter = -1 }
