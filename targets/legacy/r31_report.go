package legacy

import (
	"context"
	"time"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/job"
)

// impatientReport gives a report 250 ms; a way to the API server that is slower is the job's end.
func impatientReport(c *consumer.Consumer) {
	c.Worker.Judge = job.Judge(1)
	next := c.Worker.Report
	c.Worker.Report = func(ctx context.Context, id, key, contentType string, image []byte) error {
		ctx, cancel := context.WithTimeout(ctx, 250*time.Millisecond)
		defer cancel()
		return next(ctx, id, key, contentType, image)
	}
}
