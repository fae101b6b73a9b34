package legacy

import (
	"context"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
)

// nobodyWatches hands jobs back while the AI process is dead, and waits for somebody to restart it.
func nobodyWatches(c *consumer.Consumer) {
	c.WatchAI = func(ctx context.Context) *consumer.Trouble {
		<-ctx.Done()
		return nil
	}
	c.Worker.OnWork = func(error) {}
}
