package consumer

import (
	"context"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/retrypolicy"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer/host"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/ops"
)

// park is the default of Park: the instance could not be terminated and is still alive. Nothing is
// consumed. The termination is tried again with growing waits, and the AI process is looked at: as soon
// as it can be used, whoever brought it back, the tries end.
func (c *Consumer) park(ctx context.Context) {
	c.enter(ops.Parked, "the instance could not be terminated")
	trying, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.keepTerminating(trying)
	}()
	for wait(ctx, c.Settings.AICheckInterval) {
		if c.Board.State() == ops.Terminating {
			continue // accepted after all: the end is near, nothing may start now
		}
		if c.usable(ctx) {
			break
		}
	}
	stop()
	<-ended
}

func (c *Consumer) keepTerminating(ctx context.Context) {
	first := c.Settings.TerminateBackoff
	policy := retrypolicy.NewBuilder[any]().
		WithMaxRetries(-1).
		WithBackoff(first, 64*first).
		WithJitterFactor(0.25).
		Build()
	if !wait(ctx, first) {
		return
	}
	_ = failsafe.With(policy).WithContext(ctx).Run(func() error { // ends only with ctx
		err := c.terminate(ctx)
		if err == nil {
			err = c.awaitEnd(ctx)
		}
		if ctx.Err() == nil {
			c.Desk.Raise(TitleTermination, err.Error())
			c.enter(ops.Parked, "the instance could not be terminated")
		}
		return err
	})
}

// usable tells whether the AI process would do a job now.
func (c *Consumer) usable(ctx context.Context) bool {
	if err := c.AI.Ping(ctx); err != nil {
		c.Board.Note("ai", err, "")
		return false
	}
	c.Board.Note("ai", nil, "answers")
	if level, _ := c.checkSwap(ctx); level == host.Low {
		return false
	}
	if err := c.sample(ctx); err != nil {
		c.incident(TitleWarmUp, err)
		return false
	}
	return true
}
