package consumer

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer/ai"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/host"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/job"
)

// watch looks out for trouble while jobs run: the first that is found, or nil when ctx ends.
func (c *Consumer) watch(ctx context.Context) *Trouble {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	found := make(chan *Trouble, 3)
	var watchers sync.WaitGroup
	for _, watcher := range []func(context.Context) *Trouble{c.watchSwap, c.WatchAI, c.watchJobs} {
		watchers.Go(func() {
			if t := watcher(ctx); t != nil {
				found <- t
				stop()
			}
		})
	}
	watchers.Wait()
	select {
	case t := <-found:
		return t
	default:
		return nil
	}
}

func (c *Consumer) watchSwap(ctx context.Context) *Trouble {
	for wait(ctx, c.Settings.MemoryCheckInterval) {
		if level, detail := c.checkSwap(ctx); level == host.Low {
			return &Trouble{Title: TitleSwapLow, Err: errors.New(detail)}
		}
	}
	return nil
}

// watchAI pings. A connection that is refused is news at once; a slow answer must come twice, as a busy
// AI process is no dead one.
func (c *Consumer) watchAI(ctx context.Context) *Trouble {
	slow := 0
	for wait(ctx, c.Settings.AICheckInterval) {
		err := c.AI.Ping(ctx)
		if ctx.Err() != nil {
			break
		}
		c.Board.Note("ai", err, "answers")
		switch {
		case err == nil:
			slow = 0
		case errors.Is(err, context.DeadlineExceeded) && slow == 0:
			slow++
		default:
			return &Trouble{Title: TitleAIDown, Err: err, Suspected: true}
		}
	}
	return nil
}

func (c *Consumer) watchJobs(ctx context.Context) *Trouble {
	select {
	case t := <-c.trouble:
		return t
	case <-ctx.Done():
		return nil
	}
}

// worked hears from every job how the AI process did.
func (c *Consumer) worked(err error) {
	if err == nil {
		c.failures.Store(0)
		c.timeouts.Store(0)
		return
	}
	if errors.Is(err, job.ErrDown) {
		c.tell(&Trouble{Title: TitleAIDown, Err: err, Suspected: true})
		return
	}
	if c.hangs(err) || !atFault(err) {
		return
	}
	if n := c.failures.Add(1); n >= int64(c.Settings.AIFailures) {
		c.tell(&Trouble{Title: TitleAIFailing, Err: fmt.Errorf("%d failures in a row, the last one: %w", n, err)})
	}
}

// hangs deals with answers that do not come in time: one takes as long as many failures that are quick,
// so that fewer are enough. An AI process that answers pings may hang all the same.
func (c *Consumer) hangs(err error) bool {
	if !errors.Is(err, context.DeadlineExceeded) {
		c.timeouts.Store(0)
		return false
	}
	n := c.timeouts.Add(1)
	if n < int64(c.Settings.AITimeouts) {
		return false
	}
	c.tell(&Trouble{Title: TitleAIHangs, Err: fmt.Errorf("%d requests in a row without an answer in time, the last one: %w", n, err)})
	return true
}

// atFault tells whether a failed job speaks against the AI process: a request that it refuses as wrong
// speaks against the job.
func atFault(err error) bool {
	status, ok := errors.AsType[*ai.StatusError](err)
	return !ok || status.Status >= 500
}

func (c *Consumer) tell(t *Trouble) {
	select {
	case c.trouble <- t:
	default: // one is enough
	}
}

// forgetTrouble drops what jobs of the last session have said.
func (c *Consumer) forgetTrouble() {
	c.failures.Store(0)
	c.timeouts.Store(0)
	select {
	case <-c.trouble:
	default:
	}
}
