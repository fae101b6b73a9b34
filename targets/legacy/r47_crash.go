package legacy

import (
	"errors"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/job"
)

// crashIsTheJobs takes every job that was with the AI process when it died for its killer.
func crashIsTheJobs(c *consumer.Consumer) {
	next := c.Worker.Judge
	c.Worker.Judge = func(j job.Job, err error) job.Fate {
		if errors.Is(err, job.ErrDown) {
			return job.Bury
		}
		return next(j, err)
	}
}
