package legacy

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/job"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
)

// keyPerDelivery gives each delivery an idempotency key of its own, and remembers no job: one that is
// delivered again counts again.
func keyPerDelivery(c *consumer.Consumer) {
	var deliveries atomic.Int64
	c.Handle = func(ctx context.Context, d *queue.Delivery) {
		n := deliveries.Add(1)
		forgetful := *c.Worker
		forgetful.Ledger = job.NewLedger(1)
		forgetful.Report = func(ctx context.Context, id, key, contentType string, image []byte) error {
			return c.Worker.Report(ctx, id, fmt.Sprintf("%s-%d", key, n), contentType, image)
		}
		forgetful.Handle(ctx, d)
	}
}
