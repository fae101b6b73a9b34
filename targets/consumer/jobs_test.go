package consumer_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer/ops"
)

func TestJobsAreReportedOnceAndAcked(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.start(t, nil)
	l.awaitReady(t)
	ids := l.submit(t, 200)
	l.awaitReported(t, ids)
	l.awaitEmpty(t)
	require.Equal(t, 200, l.api.keys())
	for _, id := range ids {
		require.Equal(t, 1, l.api.requests(id), id)
	}
	require.Empty(t, l.slack.all())
	require.Empty(t, l.calls("restart"))
	require.Equal(t, 1, l.ai.times("warm-up"))
}

func TestFailedJobIsTriedAgainThenGivenUp(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	var bad atomic.Int32
	l.ai.answers(func(w http.ResponseWriter, id string) bool {
		switch {
		case id == "m1": // never works
			_, _ = fmt.Fprint(w, `{"images":["bm90IGFuIGltYWdl"]}`)
		case id == "m2" && bad.Add(1) <= 2: // works at the third attempt
			w.WriteHeader(http.StatusInternalServerError)
		default:
			return false
		}
		return true
	})
	l.start(t, nil, "MAX_ATTEMPTS=3")
	l.awaitReady(t)
	ids := l.submit(t, 3)
	l.awaitReported(t, ids[1:])
	dead := l.awaitDead(t)
	require.Equal(t, "m1", dead.MessageId)
	require.Equal(t, int64(3), dead.Headers["x-attempts"])
	require.Contains(t, dead.Headers["x-reason"], "the answer holds no image")
	require.Equal(t, 3, l.ai.times("m1"))
	require.Equal(t, 3, l.ai.times("m2"))
	l.awaitEmpty(t)
	require.Empty(t, l.slack.all())
}

func TestMalformedMessagesAreDeadLettered(t *testing.T) {
	t.Parallel()
	for reason, m := range map[string]amqp.Publishing{
		"no message-id": {Body: []byte(`{"prompt":"x"}`)},
		"not a JSON":    {MessageId: "a", Body: []byte(`{`)},
		"no prompt":     {MessageId: "b", Body: []byte(`{"prompt":""}`)},
	} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			l.start(t, nil)
			l.awaitReady(t)
			ch, err := l.conn.Channel()
			require.NoError(t, err)
			require.NoError(t, ch.Publish("", "jobs", false, false, m))
			dead := l.awaitDead(t)
			require.Equal(t, m.MessageId, dead.MessageId)
			require.Equal(t, m.Body, dead.Body)
			require.Contains(t, dead.Headers["x-reason"], reason)
			l.awaitEmpty(t)
		})
	}
}

func TestShortOutageOfTheAPICostsNoAttempt(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.start(t, nil, "API_RETRY_LIMIT=30s")
	l.awaitReady(t)
	l.api.refuse.Store(3)
	ids := l.submit(t, 1)
	l.awaitReported(t, ids)
	l.awaitEmpty(t)
	require.Equal(t, 1, l.ai.times(ids[0]), "the image is not painted again")
}

func TestDrainHandsBackWhatIsNotStarted(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	release := make(chan struct{})
	l.ai.answers(func(_ http.ResponseWriter, id string) bool {
		if id != "warm-up" {
			<-release
		}
		return false
	})
	l.start(t, nil, "CONCURRENCY=2", "AMQP_PREFETCH=6")
	l.awaitReady(t)
	l.submit(t, 10)
	require.Eventually(t, func() bool { return l.ai.times("m1")+l.ai.times("m2") == 2 && l.held(t) == "[4,6]" }, within, 10*time.Millisecond, "six are held, two of them run")
	l.stop()
	require.Eventually(t, func() bool { return l.held(t) == "[8,2]" }, within, 10*time.Millisecond, "what is not started goes back at once: %s", l.held(t))
	require.Equal(t, ops.Draining, l.consumer.Board.State())
	close(release)
	<-l.done
	require.Equal(t, "[8,0]", l.held(t))
	require.Equal(t, 2, l.api.keys(), "running jobs were finished")
}

func TestDrainHandsBackRunningJobsInTheEnd(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	l.ai.answers(func(_ http.ResponseWriter, id string) bool {
		if id != "warm-up" {
			<-release
		}
		return false
	})
	l.start(t, nil, "DRAIN_TIMEOUT=200ms")
	l.awaitReady(t)
	l.submit(t, 3)
	require.Eventually(t, func() bool { return l.ai.times("m3") == 1 }, within, 5*time.Millisecond)
	l.stop()
	<-l.done
	require.Equal(t, "[3,0]", l.held(t))
	require.Zero(t, l.api.keys())
}

// awaitDead takes one message from the dead-letter queue.
func (l *lab) awaitDead(t testing.TB) amqp.Delivery {
	t.Helper()
	ch, err := l.conn.Channel()
	require.NoError(t, err)
	var got amqp.Delivery
	require.Eventually(t, func() bool {
		m, ok, err := ch.Get("jobs.dead", true)
		got = m
		return err == nil && ok
	}, within, 10*time.Millisecond, "nothing is dead-lettered")
	return got
}

func TestManyConsumersShareAQueue(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.start(t, nil)
	l.awaitReady(t)
	first := l.consumer
	l.start(t, nil)
	l.awaitReady(t)
	require.NotSame(t, first, l.consumer)
	_, consumers := l.depth(t, "jobs")
	require.Equal(t, 2, consumers)
	ids := l.submit(t, 100)
	l.awaitReported(t, ids)
	l.awaitEmpty(t)
	require.True(t, strings.HasPrefix(ids[0], "m"))
}
