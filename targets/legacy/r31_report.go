package legacy

import (
	"context"
	"fmt"
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
		if err := next(ctx, id, key, contentType, image); err != nil {
			return fmt.Errorf("not reported in time: %v", err) //nolint:errorlint // whose trouble it was is lost
		}
		return nil
	}
}
