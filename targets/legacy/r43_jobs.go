package legacy

import (
	"errors"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/job"
)

// errorsAreTheJobs sees each error of the AI process as its job's, however many there are: it takes the
// next job, and the one after that.
func errorsAreTheJobs(c *consumer.Consumer) {
	next := c.Worker.OnWork
	c.Worker.OnWork = func(err error) {
		if err == nil || errors.Is(err, job.ErrDown) {
			next(err)
		}
	}
}
