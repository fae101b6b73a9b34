package legacy

import (
	"time"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
)

// noHandshakeLimit waits for the broker's answers for as long as they take.
func noHandshakeLimit(c *consumer.Consumer) { c.Link.Timeout = time.Hour }
