package legacy

import (
	"context"
	"time"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/host"
)

// anyAnswerIsNotice knows that 404 means no notice, and takes whatever else it hears for one.
func anyAnswerIsNotice(c *consumer.Consumer) {
	read := c.ReadNotice
	c.ReadNotice = func(ctx context.Context) (*host.Notice, error) {
		n, err := read(ctx)
		if err != nil {
			return &host.Notice{Action: "terminate", Time: time.Now().Add(2 * time.Minute)}, nil
		}
		return n, nil
	}
}
