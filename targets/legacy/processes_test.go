package legacy_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
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
	return countsOnce(t, l, change, change)
}

// otherReleaseCountsOnce does so with a consumer of another release.
func otherReleaseCountsOnce(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	return countsOnce(t, l, change, func(*consumer.Consumer) {})
}

func countsOnce(t *testing.T, l *consumertest.Lab, first, second func(*consumer.Consumer)) bool {
	l.Start(t, func(c *consumer.Consumer) {
		first(c)
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
		second(c)
		next := c.Handle
		c.Handle = func(ctx context.Context, d *queue.Delivery) {
			next(ctx, d)
			handled.Store(true)
		}
	})
	require.Eventually(t, handled.Load, consumertest.Within, tick)
	return l.API.Keys() == 1
}

// redeliveredIsWorkedOn gives a job to a consumer that hands it back, and then to itself again.
func redeliveredIsWorkedOn(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	var first atomic.Bool
	l.Start(t, func(c *consumer.Consumer) {
		change(c)
		next := c.Handle
		c.Handle = func(ctx context.Context, d *queue.Delivery) {
			if first.CompareAndSwap(false, true) {
				_ = d.HandBack()
				return
			}
			next(ctx, d)
		}
	})
	l.AwaitReady(t)
	l.Submit(t, 1)
	l.AwaitEmpty(t)
	return l.API.Requests("m1") == 1
}

// hold keeps the AI process from answering until it is let go.
func hold(t *testing.T, l *consumertest.Lab) (release func()) {
	held := make(chan struct{})
	release = sync.OnceFunc(func() { close(held) })
	t.Cleanup(release)
	l.AI.Answers(func(_ http.ResponseWriter, id string) bool {
		if strings.HasPrefix(id, "m") {
			<-held
		}
		return false
	})
	return release
}

// prefetchedGoesBackAtOnce tells a consumer to stop that works on one job and has prefetched two.
func prefetchedGoesBackAtOnce(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	release := hold(t, l)
	l.Start(t, change, "CONCURRENCY=1", "AMQP_PREFETCH=3", fmt.Sprint("DRAIN_TIMEOUT=", patience(t, 3*time.Second)))
	l.AwaitReady(t)
	l.Submit(t, 3)
	require.Eventually(t, func() bool { return l.AI.Times("m1") == 1 }, consumertest.Within, tick)
	l.AwaitHeld(t, "[0,3]")
	l.Stop()
	right := await(t,
		func() bool { ready, _ := l.Depth(t, "jobs"); return ready == 2 },
		later(t, 2*time.Second))
	release()
	<-l.Done
	return right
}

// killable is a source that ends with the test, whatever it is told.
type killable struct {
	consumer.Source
	kill <-chan struct{}
}

func (k killable) Run(ctx context.Context, handle func(*queue.Delivery)) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		select {
		case <-k.kill:
			stop()
		case <-ctx.Done():
		}
	}()
	return k.Source.Run(ctx, handle)
}

// stopsWhenTold tells an idle consumer to stop.
func stopsWhenTold(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	kill := make(chan struct{})
	l.Start(t, func(c *consumer.Consumer) {
		c.Source = killable{c.Source, kill}
		change(c)
	})
	l.AwaitReady(t)
	l.Stop()
	defer close(kill)
	return await(t, func() bool {
		select {
		case <-l.Done:
			return true
		default:
			return false
		}
	}, later(t, 2*time.Second))
}
