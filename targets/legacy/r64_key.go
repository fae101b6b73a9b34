package legacy

import (
	"context"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
)

// keyPerRelease makes an idempotency key of the job and of the consumer's release: all instances agree on
// it, until there are two releases at the same time.
func keyPerRelease(c *consumer.Consumer) {
	next := c.Worker.Report
	c.Worker.Report = func(ctx context.Context, id, key, contentType string, image []byte) error {
		return next(ctx, id, "release-1-"+key, contentType, image)
	}
}
