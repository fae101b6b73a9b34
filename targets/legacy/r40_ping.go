package legacy

import (
	"context"
	"errors"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
)

// pingIsEnough takes an AI process that answers pings for healthy: that its jobs time out is their
// own fault.
func pingIsEnough(c *consumer.Consumer) {
	next := c.Worker.OnWork
	c.Worker.OnWork = func(err error) {
		if !errors.Is(err, context.DeadlineExceeded) {
			next(err)
		}
	}
}
