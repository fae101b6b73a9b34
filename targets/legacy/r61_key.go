package legacy

import (
	"context"
	"sync"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
)

// keyPerTry gives a job that comes again another idempotency key, so that no cache on the way answers for
// the first try. Two who work on the same job then both count.
func keyPerTry(c *consumer.Consumer) {
	var again sync.Map // ids of jobs that came again
	handle, report := c.Handle, c.Worker.Report
	c.Handle = func(ctx context.Context, d *queue.Delivery) {
		if d.Message.Redelivered {
			again.Store(d.Message.MessageId, true)
		}
		handle(ctx, d)
	}
	c.Worker.Report = func(ctx context.Context, id, key, contentType string, image []byte) error {
		if _, came := again.Load(id); came {
			key += "-again"
		}
		return report(ctx, id, key, contentType, image)
	}
}
