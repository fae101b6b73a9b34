package legacy

import (
	"context"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/host"
)

// noticeIgnored looks for the notice, logs it, and works on until the instance is gone.
func noticeIgnored(c *consumer.Consumer) {
	watch := c.WatchNotice
	c.WatchNotice = func(ctx context.Context) *host.Notice {
		if n := watch(ctx); n != nil {
			c.Log.Warn("notice: this instance is taken away", "time", n.Time)
			<-ctx.Done()
		}
		return nil
	}
}
