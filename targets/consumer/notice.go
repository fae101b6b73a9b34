package consumer

import (
	"context"
	"time"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer/host"
)

// noticeMargin is what is left of a notice, at most, for what comes after the last job: closing the
// connections in order and the last alerts.
const noticeMargin = 5 * time.Second

// awaitNotice leaves, as if told to stop, when the instance is about to be taken away.
func (c *Consumer) awaitNotice(ctx context.Context, leave func()) {
	notice := c.WatchNotice(ctx)
	if notice == nil {
		return
	}
	c.Log.Warn("notice: this instance is taken away; draining", "action", notice.Action, "time", notice.Time, "left", time.Until(notice.Time))
	c.leaveBy.Store(&notice.Time)
	leave()
}

// watchNotice is the default of WatchNotice. A service that cannot be asked, or answers what is no notice,
// changes nothing: it is asked again, and that is said once.
func (c *Consumer) watchNotice(ctx context.Context) *host.Notice {
	every := c.Settings.NoticeCheckInterval
	if every == 0 {
		return nil
	}
	said := false
	for wait(ctx, every) {
		notice, err := c.ReadNotice(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case notice != nil:
			return notice
		case err != nil && !said:
			c.Log.Info("the instance metadata cannot be asked for a notice; asking again", "every", every, "error", err)
		case err == nil && said:
			c.Log.Info("the instance metadata answers again: no notice")
		}
		said = err != nil
	}
	return nil
}

// drainTime is how long running jobs may take when the consumer is to end: DrainTimeout, unless the
// instance is taken away before that.
func (c *Consumer) drainTime() time.Duration {
	limit := c.Settings.DrainTimeout
	if by := c.leaveBy.Load(); by != nil {
		left := time.Until(*by)
		limit = max(0, min(limit, left-min(noticeMargin, left/4)))
	}
	return limit
}
