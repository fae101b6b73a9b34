package consumer_test

import (
	"context"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/consumertest"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
)

// A queue that is there with other arguments is no matter of trying harder: it is alerted once, tried
// again with growing waits, and consumed as soon as somebody has deleted it.
func TestQueueWithOtherArguments(t *testing.T) {
	t.Parallel()
	l := consumertest.New(t)
	l.SubmitBefore(t, 3) // into a queue without priorities
	var tries atomic.Int32
	l.Start(t, func(c *consumer.Consumer) {
		source := c.Source.(*queue.Source)
		left := source.OnLeft
		source.OnLeft = func(why error) {
			assert.ErrorIs(t, why, queue.ErrOtherArguments)
			assert.ErrorContains(t, why, "jobs")
			assert.ErrorContains(t, why, "x-max-priority")
			tries.Add(1)
			left(why)
		}
	}, "AMQP_MAX_PRIORITY=10")
	l.Slack.Await(t, "danger "+consumer.TitleQueue)
	require.Contains(t, l.Slack.Text(), "delete it, or set")
	require.False(t, l.Consumer.Board.Ready())
	begin, before := time.Now(), tries.Load()
	require.Eventually(t, func() bool { return tries.Load() >= before+6 }, consumertest.Within, time.Millisecond)
	require.Greater(t, time.Since(begin), 200*time.Millisecond, "the waits grow from 10 ms to 100 ms")

	ch, err := l.Conn.Channel()
	require.NoError(t, err)
	_, err = ch.QueueDelete("jobs", false, false, false)
	require.NoError(t, err)
	l.AwaitReady(t)
	l.AwaitReported(t, l.Submit(t, 3))
	l.Slack.Await(t, "danger "+consumer.TitleQueue, "good "+consumer.TitleQueue)
}

// What is delivered to the broker's dead-letter queue comes from the arguments of the jobs queue.
func TestQueueIsDeclaredAsSet(t *testing.T) {
	t.Parallel()
	l := consumertest.New(t)
	l.Start(t, nil, "AMQP_QUEUE_TYPE=quorum", "AMQP_DELIVERY_LIMIT=3", "AMQP_DEAD_LETTER=true")
	l.AwaitReady(t)
	ch, err := l.Conn.Channel()
	require.NoError(t, err)
	_, err = ch.QueueDeclare("jobs", true, false, false, false, amqp.Table{
		"x-queue-type": "quorum", "x-delivery-limit": 3, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "jobs.dead",
	})
	require.NoError(t, err)
	l.AwaitReported(t, l.Submit(t, 3))
}

// A journal that cannot be read is alerted, and no longer once jobs are written down.
func TestUnreadableJournalIsAnIncidentThatEnds(t *testing.T) {
	t.Parallel()
	l := consumertest.New(t)
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "finished.old.log"), 0o700))
	l.Start(t, nil, "STATE_DIR="+dir)
	l.AwaitReady(t)
	l.Slack.Await(t, "danger "+consumer.TitleState)
	l.AwaitReported(t, l.Submit(t, 1))
	l.Slack.Await(t, "danger "+consumer.TitleState, "good "+consumer.TitleState)
}

// A process that was started again knows what the one before has finished.
func TestJournalSavesAJobAfterARestart(t *testing.T) {
	t.Parallel()
	l := consumertest.New(t)
	state := "STATE_DIR=" + t.TempDir()
	l.Start(t, nil, state)
	l.AwaitReady(t)
	l.AwaitReported(t, l.Submit(t, 1))
	l.AwaitEmpty(t)
	l.Stop()
	<-l.Done

	ch, err := l.Conn.Channel()
	require.NoError(t, err)
	require.NoError(t, ch.PublishWithContext(context.Background(), "", "jobs", false, false,
		amqp.Publishing{MessageId: "m1", Body: []byte(`{"prompt":"again"}`)}))
	l.Start(t, nil, state)
	l.AwaitReady(t)
	l.AwaitReported(t, l.Submit(t, 1))
	l.AwaitEmpty(t)
	require.Equal(t, 1, l.AI.Times("m1"), "it was paid for once")
}
