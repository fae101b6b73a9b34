package legacy

import (
	"errors"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/job"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/report"
)

// outageIsTheJobs counts an attempt of each job for a report that could not be delivered.
func outageIsTheJobs(c *consumer.Consumer) {
	next, once := c.Worker.Judge, &report.Client{URL: c.Settings.APIURL, Timeout: c.Settings.APITimeout}
	c.Worker.Report = once.Put
	c.Worker.Judge = func(j job.Job, err error) job.Fate {
		if errors.Is(err, report.ErrDown) {
			err = errors.New("the report failed")
		}
		return next(j, err)
	}
}
