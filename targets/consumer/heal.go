package consumer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/retrypolicy"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer/host"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/ops"
)

// heal is the default of Heal: a blip is waited out; else the AI process is restarted, a few times if
// need be; else the instance is terminated; else the consumer is parked.
func (c *Consumer) heal(ctx context.Context, t *Trouble) {
	if t.Suspected && c.awaitAI(ctx, c.Settings.AIDownAfter) == nil {
		c.Log.Info("it was a blip", "suspicion", t.Error())
		return
	}
	if ctx.Err() != nil {
		return
	}
	c.incident(t.Title, t.Err)
	err := c.restart(ctx)
	if err == nil || ctx.Err() != nil {
		return
	}
	c.restarts = 0
	c.Log.Error("restarts are used up; terminating the instance", "error", err)
	c.enter(ops.Escalating, "restarts are used up")
	if err := c.terminate(ctx); err == nil {
		err = c.awaitEnd(ctx)
		if ctx.Err() != nil {
			return
		}
		c.Desk.Raise(TitleTermination, err.Error())
	} else if ctx.Err() == nil {
		c.Desk.Raise(TitleTermination, err.Error())
	}
	if ctx.Err() == nil {
		c.Park(ctx)
	}
}

// errNotLasting means that the restarts worked, but never for long.
var errNotLasting = errors.New("restarts do not last")

// restart runs the restart hook until it has worked, RestartAttempts times at most. Earlier restarts
// that did not last are counted.
func (c *Consumer) restart(ctx context.Context) error {
	s := c.Settings
	if time.Since(c.restarted) > c.Lasting {
		c.restarts = 0
	}
	if c.restarts >= s.RestartAttempts {
		return fmt.Errorf("%w: %d in a row, none for longer than %v", errNotLasting, s.RestartAttempts, c.Lasting)
	}
	c.enter(ops.Restarting, "the AI process is in trouble")
	first := max(s.RestartBackoff, time.Millisecond)
	policy := retrypolicy.NewBuilder[any]().
		WithMaxAttempts(s.RestartAttempts-c.restarts).
		WithBackoff(first, 4*first).
		ReturnLastFailure().
		Build()
	return failsafe.With(policy).WithContext(ctx).Run(func() error { return c.restartOnce(ctx) })
}

func (c *Consumer) restartOnce(ctx context.Context) error {
	err := c.JudgeRestart(c.RunHook(ctx, c.RestartHook()))
	if err == nil {
		err = c.Recovered(ctx)
	}
	if ctx.Err() != nil {
		return err
	}
	c.restarts++
	c.Board.Metrics.Restarted(err)
	if err != nil {
		c.incident(TitleAIDown, err)
		return err
	}
	c.restarted = time.Now()
	c.Log.Info("AI process restarted")
	return nil
}

// runHook is the default of RunHook. Whatever is made of the outcome, the log has it.
func (c *Consumer) runHook(ctx context.Context, h host.Command) host.Outcome {
	c.Log.Info("hook called", "path", h.Path, "arguments", h.Args, "limit", h.Timeout)
	o := h.Run(ctx)
	c.Log.Info("hook ended", "path", h.Path, "took", o.Took, "outcome", o.String())
	return o
}

// RestartHook is the executable that restarts the AI process.
func (c *Consumer) RestartHook() host.Command {
	return hook(c.Settings.RestartCommand, c.Settings.RestartTimeout)
}

func hook(words []string, limit time.Duration) host.Command {
	if len(words) == 0 {
		return host.Command{Timeout: limit}
	}
	return host.Command{Path: words[0], Args: words[1:], Timeout: limit}
}

// recovered is the default of Recovered: the AI process answers, and the swap is not low any more.
func (c *Consumer) recovered(ctx context.Context) error {
	if err := c.awaitAI(ctx, c.Settings.AIReadyLimit); err != nil {
		return fmt.Errorf("the restart hook says that it restarted the AI process, but: %w", err)
	}
	const checks = 10 // memory takes a moment to be given back
	var detail string
	for range checks {
		var level host.Level
		if level, detail = c.checkSwap(ctx); level != host.Low {
			return nil
		}
		if !wait(ctx, c.Settings.MemoryCheckInterval) {
			return ctx.Err()
		}
	}
	return fmt.Errorf("the AI process was restarted, but swap is still low: %s", detail)
}

// terminate calls the termination hook once.
func (c *Consumer) terminate(ctx context.Context) error {
	s := c.Settings
	end := hook(s.TerminateCommand, s.TerminateTimeout)
	if end.Path != "" && len(end.Args) == 0 {
		id, region, err := host.Instance{ID: s.InstanceID, Region: s.Region, Metadata: s.MetadataURL}.Resolve(ctx)
		if err != nil {
			c.Board.Metrics.Terminated(err)
			return fmt.Errorf("terminate this instance, but which one is it: %w", err)
		}
		end.Args = []string{"ec2", "terminate-instances", "--instance-ids", id, "--region", region}
	}
	err := c.JudgeTerminate(c.RunHook(ctx, end))
	if ctx.Err() == nil {
		c.Board.Metrics.Terminated(err)
	}
	return err
}

// errStillAlive means that a termination was accepted and did not happen.
var errStillAlive = errors.New("the termination was accepted, but the instance is still alive")

// awaitEnd waits to be terminated. Its error says that this did not happen in time.
func (c *Consumer) awaitEnd(ctx context.Context) error {
	c.enter(ops.Terminating, "the termination was accepted")
	limit := c.Settings.TerminateWait
	if limit == 0 {
		<-ctx.Done()
		return ctx.Err()
	}
	if !wait(ctx, limit) {
		return ctx.Err()
	}
	return fmt.Errorf("%w after %v", errStillAlive, limit.Round(time.Millisecond))
}
