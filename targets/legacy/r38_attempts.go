package legacy

import (
	"context"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
)

// attemptsForLife comes back from five lost connections and no more: the count is never reset when it
// is well again.
func attemptsForLife(c *consumer.Consumer) {
	const most = 5
	lost := 0
	source := c.Source.(*queue.Source)
	source.Again = func(ctx context.Context, _ error) error {
		if !c.Link.Up() {
			lost++
		}
		if lost <= most {
			return nil
		}
		<-ctx.Done()
		return ctx.Err()
	}
}
