package legacy

import (
	"context"
	"fmt"
	"time"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/ai"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/job"
)

// impatient gives the AI process 250 ms for an image, and a job one attempt: a way to it that is slower
// is the job's end.
func impatient(c *consumer.Consumer) {
	c.Worker.Judge = job.Judge(1)
	next := c.Worker.Paint
	c.Worker.Paint = func(ctx context.Context, id string, request []byte) (ai.Image, error) {
		if id == "warm-up" {
			return next(ctx, id, request)
		}
		ctx, cancel := context.WithTimeout(ctx, 250*time.Millisecond)
		defer cancel()
		img, err := next(ctx, id, request)
		if err != nil {
			return ai.Image{}, fmt.Errorf("no image in time: %v", err) //nolint:errorlint // whose trouble it was is lost
		}
		return img, nil
	}
}
