package legacy

import (
	"math"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
)

// terminateWaits waits for the end of the terminate executable for as long as it takes.
func terminateWaits(c *consumer.Consumer) { c.Settings.TerminateTimeout = math.MaxInt64 }
