package consumer

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer/ops"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
)

// Run runs the consumer until ctx ends or the instance is about to be taken away, then drains it: it
// stops consuming, hands back what no worker has started, gives running jobs DrainTimeout, or less when
// the instance has less, and closes everything in order.
func (c *Consumer) Run(ctx context.Context) {
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	var helpers sync.WaitGroup
	helpers.Go(func() { c.Desk.Run(background, closeLimit) })
	helpers.Go(func() { c.awaitNotice(ctx, leave) })

	c.openJournal()
	defer c.closeJournal()
	trouble := c.boot(ctx)
	for ctx.Err() == nil {
		if trouble == nil {
			trouble = c.Prepare(ctx)
		}
		if trouble == nil {
			trouble = c.consume(ctx)
		}
		if trouble != nil && ctx.Err() == nil {
			c.Heal(ctx, trouble)
			trouble = nil
		}
	}

	c.enter(ops.Draining, "told to stop")
	for _, l := range []*queue.Link{c.Link, c.Publisher.Link} {
		if err := l.Close(closeLimit); err != nil {
			c.Log.Warn("not closed in order", "error", err)
		}
	}
	stop()
	helpers.Wait()
	c.Log.Info("stopped")
}

// consume runs jobs until there is trouble or ctx ends.
func (c *Consumer) consume(ctx context.Context) *Trouble {
	c.forgetTrouble()
	c.enter(ops.Consuming, "the AI process is ready and warm")
	c.allClear("consuming again")
	session, stop := context.WithCancel(ctx)
	defer stop()

	// Work on a job ends at once on trouble, as the AI process is about to go; told to stop, it may
	// take DrainTimeout, with the grace for reports.
	work, stopWork := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stopWork(nil)
	stopTimer := c.whenDone(ctx, func() time.Duration { return c.drainTime() - grace(c.Settings) }, func() { stopWork(nil) })
	defer stopTimer()

	var found *Trouble
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		if found = c.watch(session); found != nil {
			stopWork(found.cause())
			stop()
		}
	}()
	err := c.Source.Run(session, func(d *queue.Delivery) {
		c.Board.Metrics.Started()
		c.Handle(work, d)
	})
	if err != nil {
		c.Log.Error("consuming ended", "error", err)
	}
	stop()
	<-watched
	return found
}

// whenDone calls f once, after ctx has ended and then the time has passed that d gives. The function that it gives back
// calls it off.
func (c *Consumer) whenDone(ctx context.Context, d func() time.Duration, f func()) func() {
	over := make(chan struct{})
	go func() {
		select {
		case <-ctx.Done():
			c.enter(ops.Draining, "told to stop")
		case <-over:
			return
		}
		timer := time.NewTimer(d())
		defer timer.Stop()
		select {
		case <-timer.C:
			f()
		case <-over:
		}
	}()
	return sync.OnceFunc(func() { close(over) })
}

// allClear ends every incident but those that have an end of their own.
func (c *Consumer) allClear(text string) {
	for _, title := range c.Desk.Open() {
		if !slices.Contains(ownEnd, title) {
			c.Desk.Clear(title, text)
		}
	}
}

// wait waits, and tells whether it could to the end.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
