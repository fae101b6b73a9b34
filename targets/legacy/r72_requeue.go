package legacy

import (
	"errors"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/job"
)

// requeueMalformed hands back what it cannot read, as if it could next time.
func requeueMalformed(c *consumer.Consumer) {
	next := c.Worker.Judge
	c.Worker.Judge = func(j job.Job, err error) job.Fate {
		if errors.Is(err, job.ErrMalformed) {
			return job.HandBack
		}
		return next(j, err)
	}
}
