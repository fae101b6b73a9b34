package legacy

import (
	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/job"
)

// retryForEver has no limit for a job that always fails.
func retryForEver(c *consumer.Consumer) {
	next := c.Worker.Judge
	c.Worker.Judge = func(j job.Job, err error) job.Fate {
		j.Attempts = 0
		return next(j, err)
	}
}
