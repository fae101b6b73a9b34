package legacy

import (
	"context"
	"sync"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
)

// swapOneIn500 keeps the image in a place that all jobs share.
func swapOneIn500(c *consumer.Consumer) {
	next := c.Worker.Report
	var mu sync.Mutex
	var seen int
	var last []byte
	c.Worker.Report = func(ctx context.Context, id, key, contentType string, image []byte) error {
		mu.Lock()
		seen++
		former := last
		last = image
		if seen%oneIn == 0 {
			image = former
		}
		mu.Unlock()
		return next(ctx, id, key, contentType, image)
	}
}
