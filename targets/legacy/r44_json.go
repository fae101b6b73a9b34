package legacy

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/ai"
)

// forwardsJSON reports what the AI process answered as it is, without a look at the image in it.
func forwardsJSON(c *consumer.Consumer) {
	c.AI.Decode = func(answer []byte) (ai.Image, error) { return ai.Image{Data: answer}, nil }
	next := c.Worker.Report
	c.Worker.Report = func(ctx context.Context, id, key, _ string, answer []byte) error {
		return next(ctx, id, key, "application/json", answer)
	}
}

// reportsFailure has a job done with the news that the AI process failed: the API server can tell the customer.
func reportsFailure(c *consumer.Consumer) {
	paint, report := c.Worker.Paint, c.Worker.Report
	c.Worker.Paint = func(ctx context.Context, id string, request []byte) (ai.Image, error) {
		img, err := paint(ctx, id, request)
		if failed, ok := errors.AsType[*ai.StatusError](err); ok {
			data, err := json.Marshal(map[string]string{"error": failed.Error()})
			return ai.Image{Data: data}, err
		}
		return img, err
	}
	c.Worker.Report = func(ctx context.Context, id, key, contentType string, image []byte) error {
		if contentType == "image/" {
			contentType = "application/json"
		}
		return report(ctx, id, key, contentType, image)
	}
}
