package legacy

import (
	"context"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
)

// oddCodeIgnored knows two codes only. What else a restart may end in, a hang and a missing file
// included, matches no branch.
func oddCodeIgnored(c *consumer.Consumer) {
	next := c.Heal
	c.Heal = func(ctx context.Context, t *consumer.Trouble) {
		c.Desk.Raise(t.Title, t.Err.Error())
		switch c.RestartHook().Run(ctx).Code {
		case c.Settings.RestartOKCode:
			c.Log.Info("AI process restarted")
		case c.Settings.RestartFailedCode:
			next(ctx, t)
		}
	}
}
