package legacy

import (
	"context"
	"crypto/rand"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
)

// keyPerProcess makes an idempotency key of the job and of the process that does it, so that the API
// server takes a job that another process had reported before for a new one.
func keyPerProcess(c *consumer.Consumer) {
	next := c.Worker.Report
	process := rand.Text()
	c.Worker.Report = func(ctx context.Context, id, key, contentType string, image []byte) error {
		return next(ctx, id, key+"-"+process, contentType, image)
	}
}
