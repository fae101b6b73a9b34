package legacy

import (
	"context"
	"fmt"
	"time"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/report"
)

// newKeyEachTry makes each try of a report a new report.
func newKeyEachTry(c *consumer.Consumer) {
	once := &report.Client{URL: c.Settings.APIURL, Timeout: c.Settings.APITimeout}
	c.Worker.Report = func(ctx context.Context, id, key, contentType string, image []byte) error {
		var err error
		for try := range 10 {
			if err = once.Put(ctx, id, fmt.Sprintf("%s-%d", key, try), contentType, image); err == nil || ctx.Err() != nil {
				return err
			}
			time.Sleep(reportPatience)
		}
		return err
	}
}
