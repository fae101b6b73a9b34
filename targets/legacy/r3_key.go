package legacy

import (
	"context"
	"crypto/rand"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/job"
)

// keyDrawnAnew reports each result under an idempotency key that is drawn for it, and remembers no job
// that it has finished: a retry of the report is recognised, a job that comes again is not.
func keyDrawnAnew(c *consumer.Consumer) {
	next := c.Worker.Report
	c.Worker.Report = func(ctx context.Context, id, _, contentType string, image []byte) error {
		return next(ctx, id, rand.Text(), contentType, image)
	}
	c.Worker.Ledger = job.NewLedger(0)
}
