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

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/consumertest"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/job"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/ops"
)

func TestJobsAreReportedOnceAndAcked(t *testing.T) {
	t.Parallel()
	l := consumertest.New(t)
	l.Start(t, nil)
	l.AwaitReady(t)
	ids := l.Submit(t, 200)
	l.AwaitReported(t, ids)
	l.AwaitEmpty(t)
	require.Equal(t, 200, l.API.Keys())
	for _, id := range ids {
		require.Equal(t, 1, l.API.Requests(id), id)
	}
	require.Empty(t, l.Slack.All())
	require.Empty(t, l.Calls("restart"))
	require.Equal(t, 1, l.AI.Times("warm-up"))
}

func TestFailedJobIsTriedAgainThenGivenUp(t *testing.T) {
	t.Parallel()
	l := consumertest.New(t)
	var bad atomic.Int32
	l.AI.Answers(func(w http.ResponseWriter, id string) bool {
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
	l.Start(t, nil, "MAX_ATTEMPTS=3")
	l.AwaitReady(t)
	ids := l.Submit(t, 3)
	l.AwaitReported(t, ids[1:])
	dead := l.AwaitDead(t)
	require.Equal(t, "m1", dead.MessageId)
	require.Equal(t, int64(3), dead.Headers["x-attempts"])
	require.Contains(t, dead.Headers["x-reason"], "the answer holds no image")
	require.Equal(t, 3, l.AI.Times("m1"))
	require.Equal(t, 3, l.AI.Times("m2"))
	l.AwaitEmpty(t)
	require.Empty(t, l.Slack.All())
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
			l := consumertest.New(t)
			l.Start(t, nil)
			l.AwaitReady(t)
			ch, err := l.Conn.Channel()
			require.NoError(t, err)
			require.NoError(t, ch.Publish("", "jobs", false, false, m))
			dead := l.AwaitDead(t)
			require.Equal(t, m.MessageId, dead.MessageId)
			require.Equal(t, m.Body, dead.Body)
			require.Contains(t, dead.Headers["x-reason"], reason)
			l.AwaitEmpty(t)
		})
	}
}

func TestShortOutageOfTheAPICostsNoAttempt(t *testing.T) {
	t.Parallel()
	l := consumertest.New(t)
	l.Start(t, nil, "API_RETRY_LIMIT=30s")
	l.AwaitReady(t)
	l.API.Refuse.Store(3)
	ids := l.Submit(t, 1)
	l.AwaitReported(t, ids)
	l.AwaitEmpty(t)
	require.Equal(t, 1, l.AI.Times(ids[0]), "the image is not painted again")
}

func TestLongOutageOfTheAPICostsNoAttempt(t *testing.T) {
	t.Parallel()
	l := consumertest.New(t)
	l.Start(t, nil, "API_RETRY_LIMIT=0", "MAX_ATTEMPTS=2", "RETRY_DELAY=10ms")
	l.AwaitReady(t)
	l.API.Refuse.Store(50)
	ids := l.Submit(t, 5)
	l.AwaitReported(t, ids)
	l.AwaitEmpty(t)
	l.Slack.Await(t, "danger "+consumer.TitleAPIDown, "good "+consumer.TitleAPIDown)
	ready, _ := l.Depth(t, "jobs.dead")
	require.Zero(t, ready)
}

// The API server takes every job but one. No other is under way while that one is reported.
func TestJobThatTheAPINeverTakesIsGivenUp(t *testing.T) {
	t.Parallel()
	l := consumertest.New(t)
	var refused atomic.Int32
	l.API.Answers(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/m1") {
			return false
		}
		w.WriteHeader(http.StatusInternalServerError)
		refused.Add(1)
		return true
	})
	var givenUp atomic.Bool
	l.Start(t, func(c *consumer.Consumer) {
		count := c.Worker.OnOutcome
		c.Worker.OnOutcome = func(outcome string, took time.Duration) {
			givenUp.CompareAndSwap(false, outcome == job.Dead)
			count(outcome, took)
		}
	}, "CONCURRENCY=1", "API_RETRY_LIMIT=0", "MAX_ATTEMPTS=2")
	l.AwaitReady(t)
	l.Submit(t, 1)
	for try := int32(1); try <= 20 && !givenUp.Load(); try++ {
		require.Eventually(t, func() bool { return refused.Load() >= try || givenUp.Load() }, consumertest.Within, 5*time.Millisecond)
		l.AwaitReported(t, l.Submit(t, 1))
	}
	require.True(t, givenUp.Load(), "refused %d times", refused.Load())
	dead := l.AwaitDead(t)
	require.Equal(t, "m1", dead.MessageId)
	require.Contains(t, dead.Headers["x-reason"], "the API server answered 500")
	require.GreaterOrEqual(t, refused.Load(), int32(3), "the first one may have been an outage")
	l.AwaitEmpty(t)
}

func TestDrainHandsBackWhatIsNotStarted(t *testing.T) {
	t.Parallel()
	l := consumertest.New(t)
	release := l.AI.Hold(t)
	l.Start(t, nil, "CONCURRENCY=2", "AMQP_PREFETCH=6")
	l.AwaitReady(t)
	l.Submit(t, 10)
	l.AwaitHeld(t, "[4,6]")
	require.Eventually(t, func() bool { return l.AI.Times("m1")+l.AI.Times("m2") == 2 }, consumertest.Within, 5*time.Millisecond, "two of them run")
	l.Stop()
	l.AwaitHeld(t, "[8,2]") // what is not started goes back at once
	require.Equal(t, ops.Draining, l.Consumer.Board.State())
	release()
	<-l.Done
	l.AwaitHeld(t, "[8,0]")
	require.Equal(t, 2, l.API.Keys(), "running jobs were finished")
}

func TestDrainHandsBackRunningJobsInTheEnd(t *testing.T) {
	t.Parallel()
	l := consumertest.New(t)
	l.AI.Hold(t)
	l.Start(t, nil, "DRAIN_TIMEOUT=200ms")
	l.AwaitReady(t)
	l.Submit(t, 3)
	require.Eventually(t, func() bool { return l.AI.Times("m3") == 1 }, consumertest.Within, 5*time.Millisecond)
	l.Stop()
	<-l.Done
	l.AwaitHeld(t, "[3,0]")
	require.Zero(t, l.API.Keys())
}

func TestManyConsumersShareAQueue(t *testing.T) {
	t.Parallel()
	l := consumertest.New(t)
	l.Start(t, nil)
	l.AwaitReady(t)
	first := l.Consumer
	l.Start(t, nil)
	l.AwaitReady(t)
	require.NotSame(t, first, l.Consumer)
	_, consumers := l.Depth(t, "jobs")
	require.Equal(t, 2, consumers)
	ids := l.Submit(t, 100)
	l.AwaitReported(t, ids)
	l.AwaitEmpty(t)
	require.True(t, strings.HasPrefix(ids[0], "m"))
}
