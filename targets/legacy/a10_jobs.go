package legacy

import (
	"context"
	"errors"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
)

// alertEveryJob alerts each failed job by itself: there is no incident that they belong to.
func alertEveryJob(c *consumer.Consumer) {
	next := c.Worker.OnWork
	c.Desk.Worth = func(int) bool { return true }
	c.Worker.OnWork = func(err error) {
		if err != nil && !errors.Is(err, context.Canceled) {
			c.Desk.Raise(consumer.TitleAIFailing, err.Error())
		}
		next(err)
	}
}
