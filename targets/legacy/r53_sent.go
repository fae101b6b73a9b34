package legacy

import (
	"context"
	"errors"
	"net"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/report"
)

// cutIsSent takes a report whose connection ended without an answer for a report that arrived.
func cutIsSent(c *consumer.Consumer) {
	next, once := c.Worker.Report, &report.Client{URL: c.Settings.APIURL, Timeout: c.Settings.APITimeout}
	c.Worker.Report = func(ctx context.Context, id, key, contentType string, image []byte) error {
		err := once.Put(ctx, id, key, contentType, image)
		_, answered := errors.AsType[*report.StatusError](err)
		if op, ok := errors.AsType[*net.OpError](err); err == nil || !answered && (!ok || op.Op != "dial") {
			return nil
		}
		return next(ctx, id, key, contentType, image)
	}
}
