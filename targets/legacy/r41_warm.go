package legacy

import (
	"time"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
)

// warmTimeout limits a request to what is ample for a warm model.
func warmTimeout(c *consumer.Consumer) { c.AI.Timeout = 100 * time.Millisecond }
