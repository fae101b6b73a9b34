package consumer

import (
	"context"
	"fmt"
	"time"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer/host"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/ops"
)

// boot waits for the first memory check that really takes place: before swap is set up it cannot. When
// that takes too long it alerts and goes on without, as there are hosts that have no swap at all, and sooner when the
// host's memory cannot even be read.
func (c *Consumer) boot(ctx context.Context) *Trouble {
	s := c.Settings
	c.enter(ops.WaitingForSwap, "boot")
	giveUp := ctx
	if s.MemoryBootLimit > 0 {
		var cancel context.CancelFunc
		giveUp, cancel = context.WithTimeout(ctx, s.MemoryBootLimit)
		defer cancel()
	}
	said := false
	for {
		level, detail := c.checkSwap(ctx)
		switch level {
		case host.Enough:
			return nil
		case host.Low:
			return &Trouble{Title: TitleSwapLow, Err: fmt.Errorf("at boot: %s", detail)}
		}
		if c.blind() {
			return nil
		}
		if !said {
			said = true
			c.Log.Info("memory check skipped: swap is not set up yet; waiting for it", "reading", detail, "limit", s.MemoryBootLimit)
		}
		if !wait(giveUp, s.MemoryCheckInterval) {
			break
		}
	}
	if ctx.Err() == nil {
		c.Desk.Raise(TitleSwapUnset, fmt.Sprintf("swap was not set up within %v; consuming without the memory check", s.MemoryBootLimit))
	}
	return nil
}

// checkSwap reads and judges the swap. A reading that fails is a check that did not take place.
func (c *Consumer) checkSwap(ctx context.Context) (host.Level, string) {
	reading, err := c.ReadSwap(ctx)
	if err != nil {
		c.Board.Note("memory", err, "")
		c.unread(err)
		return host.Unset, err.Error()
	}
	c.read(reading.String())
	level := c.JudgeSwap(reading)
	switch level {
	case host.Low:
		c.Board.Note("memory", fmt.Errorf("low: %v", reading), "")
	default:
		c.Board.Note("memory", nil, fmt.Sprintf("%v: %v", level, reading))
	}
	if level != host.Unset {
		c.Desk.Clear(TitleSwapUnset, "swap is set up: "+reading.String())
	}
	return level, reading.String()
}

// prepare waits for the AI process and warms it up.
func (c *Consumer) prepare(ctx context.Context) *Trouble {
	if err := c.awaitAI(ctx, c.Settings.AIReadyLimit); err != nil {
		return &Trouble{Title: TitleAIDown, Err: err}
	}
	return c.warmUp(ctx)
}

// awaitAI waits until the AI process answers, for limit at most.
func (c *Consumer) awaitAI(ctx context.Context, limit time.Duration) error {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	every := min(c.Settings.AICheckInterval, 250*time.Millisecond)
	for {
		err := c.AI.Ping(ctx)
		c.Board.Note("ai", err, "answers")
		if err == nil {
			return nil
		}
		if c.Board.State() != ops.Restarting {
			c.enter(ops.WaitingForAI, "it does not answer")
		}
		if !wait(limited, every) {
			return fmt.Errorf("not ready within %v: %w", limit, err)
		}
	}
}
