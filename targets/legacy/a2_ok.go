package legacy

import (
	"context"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/host"
)

// oddCodeIsOK believes whatever does not say failed, and does not look at what came of it.
func oddCodeIsOK(c *consumer.Consumer) {
	next := c.JudgeRestart
	c.JudgeRestart = func(o host.Outcome) error {
		if o.Code == c.Settings.RestartFailedCode {
			return next(o)
		}
		return nil
	}
	c.Recovered = func(ctx context.Context) error {
		untilNextCheck(ctx, c)
		return nil
	}
	c.Lasting = 0
}
