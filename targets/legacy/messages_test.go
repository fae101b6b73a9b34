package legacy_test

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/consumertest"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/host"
)

// dead is the number of messages that were dead-lettered.
func dead(t *testing.T, l *consumertest.Lab) int {
	t.Helper()
	ready, _ := l.Depth(t, "jobs.dead")
	return ready
}

// publish sends messages of a test's own.
func publish(t *testing.T, l *consumertest.Lab, all ...amqp.Publishing) {
	t.Helper()
	ch, err := l.Conn.Channel()
	require.NoError(t, err)
	require.NoError(t, ch.Confirm(false))
	for _, m := range all {
		c, err := ch.PublishWithDeferredConfirm("", "jobs", false, false, m)
		require.NoError(t, err)
		require.True(t, c.Wait())
	}
	require.NoError(t, ch.Close())
}

// poison makes each job of that id take the AI process down; the restart hook brings it back.
func poison(t *testing.T, l *consumertest.Lab, id string) func(*consumer.Consumer) {
	l.AI.Answers(func(_ http.ResponseWriter, asked string) bool {
		if asked == id {
			l.AI.Down()
		}
		return false
	})
	return func(c *consumer.Consumer) {
		run := c.RunHook
		c.RunHook = func(ctx context.Context, h host.Command) host.Outcome {
			if strings.HasSuffix(h.Path, "restart") {
				l.AI.Up(t)
			}
			return run(ctx, h)
		}
	}
}

func poisonIsGivenUp(settings ...string) story {
	return func(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
		restartable := poison(t, l, "m1")
		l.Start(t, func(c *consumer.Consumer) {
			change(c)
			restartable(c)
		}, append(settings, "RESTART_ATTEMPTS=6", "CONCURRENCY=1", "AMQP_PREFETCH=1")...)
		l.AwaitReady(t)
		l.Submit(t, 3)
		return await(t,
			func() bool { return dead(t, l) == 1 && l.API.Requests("m2") == 1 && l.API.Requests("m3") == 1 },
			func() bool { return l.Calls("terminate") != nil })
	}
}

func largeBodyIsDone(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	l.Start(t, change)
	l.AwaitReady(t)
	body := `{"prompt":"a","init_images":["` + strings.Repeat("A", 10_000_000) + `"]}`
	publish(t, l, amqp.Publishing{MessageId: "large", Body: []byte(body)})
	return await(t, func() bool { return l.API.Requests("large") == 1 }, func() bool { return dead(t, l) == 1 })
}

func malformedIsBuried(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	l.Start(t, change)
	l.AwaitReady(t)
	publish(t, l, amqp.Publishing{MessageId: "bad", Body: []byte("{")})
	return await(t, func() bool { return dead(t, l) == 1 }, later(t, time.Second))
}

func anonymousIsBuried(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	l.Start(t, change)
	l.AwaitReady(t)
	publish(t, l, amqp.Publishing{Body: []byte(`{"prompt":"a"}`)})
	return await(t, func() bool { return dead(t, l) == 1 }, func() bool { return l.API.Keys() > 0 })
}

// hang holds every job up until release is called.
func hang(t *testing.T, l *consumertest.Lab) (release func()) {
	free := make(chan struct{})
	l.AI.Answers(func(_ http.ResponseWriter, id string) bool {
		if id != "warm-up" {
			<-free
		}
		return false
	})
	release = func() {
		select {
		case <-free:
		default:
			close(free)
		}
	}
	t.Cleanup(release)
	return release
}

func backlogStaysInTheQueue(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	hang(t, l)
	l.Start(t, change)
	l.AwaitReady(t)
	l.Submit(t, 100)
	return await(t,
		func() bool { ready, _ := l.Depth(t, "jobs"); return ready == 92 },
		func() bool { ready, _ := l.Depth(t, "jobs"); return ready < 92 })
}

func urgentComesFirst(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	release := hang(t, l)
	l.Start(t, change, "AMQP_MAX_PRIORITY=10", "CONCURRENCY=1", "AMQP_PREFETCH=1")
	l.AwaitReady(t)
	ids := l.Submit(t, 50)
	publish(t, l, amqp.Publishing{MessageId: "urgent", Priority: 9, Body: []byte(`{"prompt":"a"}`)})
	var late atomic.Bool
	l.API.Answers(func(_ http.ResponseWriter, r *http.Request) bool { // nothing else is reported meanwhile
		if r.Header.Get("Idempotency-Key") == "urgent" && l.API.Requests(ids[49]) > 0 {
			late.Store(true)
		}
		return false
	})
	release()
	require.Eventually(t, func() bool { return l.API.Requests("urgent") == 1 }, consumertest.Within, time.Millisecond)
	l.AwaitReported(t, ids)
	return !late.Load()
}

func expiredIsBuried(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	release := hang(t, l)
	l.Start(t, change, "AMQP_DEAD_LETTER=true", "CONCURRENCY=1", "AMQP_PREFETCH=1")
	l.AwaitReady(t)
	l.Submit(t, 1)
	l.AwaitHeld(t, "[0,1]")
	publish(t, l, amqp.Publishing{MessageId: "late", Expiration: "1", Body: []byte(`{"prompt":"a"}`)})
	l.AwaitHeld(t, "[0,1]") // it has expired: in the dead-letter queue, or nowhere
	release()
	l.AwaitEmpty(t)
	return await(t, func() bool { return dead(t, l) == 1 }, later(t, time.Second)) && l.API.Requests("late") == 0
}

func quorumGivesUp(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	return poisonIsGivenUp("AMQP_QUEUE_TYPE=quorum", "AMQP_DELIVERY_LIMIT=1", "AMQP_DEAD_LETTER=true", "MAX_CRASHES=1000")(t, l, change)
}
