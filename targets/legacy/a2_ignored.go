package legacy

import (
	"context"
	"time"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
)

// oddCodeIgnored knows two codes only. What else a restart may end in, a hang and a missing file
// included, matches no branch.
func oddCodeIgnored(c *consumer.Consumer) {
	next := c.Heal
	c.Heal = func(ctx context.Context, t *consumer.Trouble) {
		c.Desk.Raise(t.Title, t.Err.Error())
		switch c.RunHook(ctx, c.RestartHook()).Code {
		case c.Settings.RestartOKCode:
			c.Log.Info("AI process restarted")
		case c.Settings.RestartFailedCode:
			next(ctx, t)
		default:
			untilNextCheck(ctx, c)
		}
	}
}

// untilNextCheck waits as long as the old consumer went on before it looked at the memory again.
func untilNextCheck(ctx context.Context, c *consumer.Consumer) {
	select {
	case <-time.After(c.Settings.MemoryCheckInterval):
	case <-ctx.Done():
	}
}
