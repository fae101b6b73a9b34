package legacy

import (
	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/host"
)

func zeroIsLow(c *consumer.Consumer) {
	next := c.JudgeSwap
	c.JudgeSwap = func(s host.Swap) host.Level {
		if s.Free == 0 {
			return host.Low
		}
		return next(s)
	}
}
