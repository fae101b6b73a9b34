package legacy_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/consumertest"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
)

const tick = 5 * time.Millisecond

// deaf is an acknowledger that never gets through.
type deaf struct{}

func (deaf) Ack(uint64, bool) error        { return nil }
func (deaf) Nack(uint64, bool, bool) error { return nil }
func (deaf) Reject(uint64, bool) error     { return nil }

// nextProcessCountsOnce ends a consumer between the report of a job and its ack; another does it again.
func nextProcessCountsOnce(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	l.Start(t, func(c *consumer.Consumer) {
		change(c)
		next := c.Handle
		c.Handle = func(ctx context.Context, d *queue.Delivery) {
			d.Message.Acknowledger = deaf{}
			next(ctx, d)
		}
	})
	l.AwaitReady(t)
	l.Submit(t, 1)
	require.Eventually(t, func() bool { return l.API.Keys() == 1 }, consumertest.Within, tick)
	l.Stop()
	<-l.Done
	var handled atomic.Bool
	l.Start(t, func(c *consumer.Consumer) {
		change(c)
		next := c.Handle
		c.Handle = func(ctx context.Context, d *queue.Delivery) {
			next(ctx, d)
			handled.Store(true)
		}
	})
	require.Eventually(t, handled.Load, consumertest.Within, tick)
	return l.API.Keys() == 1
}
