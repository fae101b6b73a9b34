package legacy

import (
	"context"
	"sync/atomic"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
)

func reportTwiceOneIn500(c *consumer.Consumer) {
	next := c.Worker.Report
	var seen atomic.Int64
	c.Worker.Report = func(ctx context.Context, id, key, contentType string, image []byte) error {
		if seen.Add(1)%oneIn == 0 {
			if err := next(ctx, id, key+"-again", contentType, image); err != nil {
				return err
			}
		}
		return next(ctx, id, key, contentType, image)
	}
}
