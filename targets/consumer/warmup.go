package consumer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/retrypolicy"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer/host"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/job"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/ops"
)

// warmUp sends sample data the way of a job until it works. There is no delivery, so there is nothing
// to settle: a failure is alerted and the AI process waited for. Trouble ends the tries.
func (c *Consumer) warmUp(ctx context.Context) *Trouble {
	first := c.Settings.WarmUpBackoff
	policy := retrypolicy.NewBuilder[any]().
		WithMaxRetries(-1).
		WithBackoff(first, 4*first).
		WithJitterFactor(0.1).
		AbortIf(func(_ any, err error) bool { return isTrouble(err) != nil }).
		ReturnLastFailure().
		Build()
	err := failsafe.With(policy).WithContext(ctx).Run(func() error {
		if t := c.inTrouble(ctx); t != nil {
			return t
		}
		c.enter(ops.WarmingUp, "the AI process answers")
		err := c.sample(ctx)
		if err != nil && ctx.Err() == nil {
			c.WarmUpFailed(ctx, err)
		}
		return err
	})
	return isTrouble(err)
}

// sample runs the sample once.
func (c *Consumer) sample(ctx context.Context) error {
	start := time.Now()
	if _, err := c.Worker.Work(ctx, job.Sample()); err != nil {
		return fmt.Errorf("warm-up: %w", err)
	}
	c.Log.Info("warm-up done", "took", time.Since(start))
	return nil
}

// warmUpFailed is the default of WarmUpFailed.
func (c *Consumer) warmUpFailed(_ context.Context, err error) {
	c.incident(TitleWarmUp, err)
}

// incident notes a failure. While another incident is open that this is a part of, it belongs to that.
func (c *Consumer) incident(title string, err error) {
	for _, open := range c.Desk.Open() {
		if open != TitleTermination && !slices.Contains(ownEnd, open) {
			title = open
		}
	}
	c.Desk.Raise(title, err.Error())
}

// inTrouble tells what speaks against a warm-up at this moment.
func (c *Consumer) inTrouble(ctx context.Context) *Trouble {
	if level, detail := c.checkSwap(ctx); level == host.Low {
		return &Trouble{Title: TitleSwapLow, Err: errors.New(detail)}
	}
	if err := c.awaitAI(ctx, c.Settings.AIReadyLimit); err != nil && ctx.Err() == nil {
		return &Trouble{Title: TitleAIDown, Err: err}
	}
	return nil
}

func isTrouble(err error) *Trouble {
	t, _ := errors.AsType[*Trouble](err)
	return t
}
