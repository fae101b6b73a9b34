package legacy

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/host"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/job"
)

// carryOn believes, after a failed termination, that all is well: it consumes again without looking at
// the host or the AI process, and what fails is the jobs' fault.
func carryOn(c *consumer.Consumer) {
	var on atomic.Bool
	c.Park = func(context.Context) { on.Store(true) }
	prepare, swap, watch, judge, worked := c.Prepare, c.JudgeSwap, c.WatchAI, c.Worker.Judge, c.Worker.OnWork
	c.Prepare = func(ctx context.Context) *consumer.Trouble {
		if on.Load() {
			return nil
		}
		return prepare(ctx)
	}
	c.JudgeSwap = func(s host.Swap) host.Level {
		if on.Load() {
			return host.Enough
		}
		return swap(s)
	}
	c.WatchAI = func(ctx context.Context) *consumer.Trouble {
		if !on.Load() {
			return watch(ctx)
		}
		<-ctx.Done()
		return nil
	}
	c.Worker.Judge = func(j job.Job, err error) job.Fate {
		if on.Load() && errors.Is(err, job.ErrDown) {
			err = errors.New("the AI process did not answer")
		}
		return judge(j, err)
	}
	c.Worker.OnWork = func(err error) {
		if !on.Load() {
			worked(err)
		}
	}
}
