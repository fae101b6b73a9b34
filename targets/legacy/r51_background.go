package legacy

import (
	"context"
	"time"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
)

const reportPatience = 100 * time.Millisecond

// reportInBackground waits a moment for the API server's answer, and then goes on: the report will
// arrive somehow.
func reportInBackground(c *consumer.Consumer) {
	next := c.Worker.Report
	c.Worker.Report = func(ctx context.Context, id, key, contentType string, image []byte) error {
		answered := make(chan error, 1)
		go func() { answered <- next(context.WithoutCancel(ctx), id, key, contentType, image) }()
		select {
		case err := <-answered:
			return err
		case <-time.After(reportPatience):
			return nil
		}
	}
}
