package legacy

import (
	"context"
	"sync/atomic"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/host"
)

// checkOnce looks at the swap until it is set up once: what was enough at boot is enough for ever.
func checkOnce(c *consumer.Consumer) {
	next := c.JudgeSwap
	var enough atomic.Bool
	c.JudgeSwap = func(s host.Swap) host.Level {
		if enough.Load() {
			return host.Enough
		}
		level := next(s)
		enough.Store(level == host.Enough)
		return level
	}
}

// unreadableIsLow takes a reading that failed for what it got: a total of 0 and a free of 0, which is
// little.
func unreadableIsLow(c *consumer.Consumer) {
	read, judge := c.ReadSwap, c.JudgeSwap
	var failed atomic.Bool
	c.ReadSwap = func(ctx context.Context) (host.Swap, error) {
		swap, err := read(ctx)
		failed.Store(err != nil)
		return swap, nil
	}
	c.JudgeSwap = func(s host.Swap) host.Level {
		if failed.Load() {
			return host.Low
		}
		return judge(s)
	}
}

// waitsForMemory takes a memory that cannot be read for one that is not set up yet, and waits at boot.
func waitsForMemory(c *consumer.Consumer) {
	read := c.ReadSwap
	c.ReadSwap = func(ctx context.Context) (host.Swap, error) {
		swap, err := read(ctx)
		if err != nil {
			c.Log.Warn("memory check skipped", "error", err)
		}
		return swap, nil
	}
}
