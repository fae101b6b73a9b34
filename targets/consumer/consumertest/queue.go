package consumertest

import (
	"fmt"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
)

// Submit publishes n jobs and gives their ids.
func (l *Lab) Submit(t testing.TB, n int) []string {
	t.Helper()
	ch := l.channel(t)
	defer func() { _ = ch.Close() }()
	require.NoError(t, ch.Confirm(false))
	var ids []string
	var last *amqp.DeferredConfirmation
	for range n {
		l.sent++
		id := fmt.Sprintf("m%d", l.sent)
		ids = append(ids, id)
		var err error
		last, err = ch.PublishWithDeferredConfirm("", "jobs", false, false, amqp.Publishing{MessageId: id, DeliveryMode: amqp.Persistent, Body: []byte(`{"prompt":"` + id + `"}`)})
		require.NoError(t, err)
	}
	require.True(t, last.Wait())
	return ids
}

// SubmitBefore publishes jobs while the consumer has not declared its queue yet.
func (l *Lab) SubmitBefore(t testing.TB, n int) []string {
	t.Helper()
	ch := l.channel(t)
	defer func() { _ = ch.Close() }()
	_, err := ch.QueueDeclare("jobs", true, false, false, false, nil)
	require.NoError(t, err)
	return l.Submit(t, n)
}

// Depth is the number of ready messages and of consumers of a queue.
func (l *Lab) Depth(t testing.TB, queue string) (ready, consumers int) {
	t.Helper()
	ch := l.channel(t)
	defer func() { _ = ch.Close() }()
	q, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil)
	require.NoError(t, err)
	return q.Messages, q.Consumers
}

// AwaitHeld waits until the jobs queue is as wanted: "[ready,unsettled]".
func (l *Lab) AwaitHeld(t testing.TB, want string) {
	t.Helper()
	var got string
	for deadline := time.Now().Add(Within); got != want; {
		got = l.held(t)
		if got != want {
			require.True(t, time.Now().Before(deadline), "ready and unsettled jobs: want %s, got %s", want, got)
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// AwaitEmpty waits until no job is in the queue or with a consumer.
func (l *Lab) AwaitEmpty(t testing.TB) {
	t.Helper()
	l.AwaitHeld(t, "[0,0]")
}

func (l *Lab) held(t testing.TB) string {
	t.Helper()
	u, err := amqp.ParseURI(l.URL)
	require.NoError(t, err)
	return l.Node.Eval(t, fmt.Sprintf(`{ok,Q}=rabbit_amqqueue:lookup(rabbit_misc:r(<<"%s">>,queue,<<"jobs">>)),[V || {_,V} <- rabbit_amqqueue:info(Q,[messages_ready,messages_unacknowledged])]`, u.Vhost))
}

// AwaitDead takes one message from the dead-letter queue.
func (l *Lab) AwaitDead(t testing.TB) amqp.Delivery {
	t.Helper()
	ch := l.channel(t)
	defer func() { _ = ch.Close() }()
	var got amqp.Delivery
	require.Eventually(t, func() bool {
		m, ok, err := ch.Get("jobs.dead", true)
		got = m
		return err == nil && ok
	}, Within, 10*time.Millisecond, "nothing is dead-lettered")
	return got
}

func (l *Lab) channel(t testing.TB) *amqp.Channel {
	t.Helper()
	ch, err := l.Conn.Channel()
	require.NoError(t, err)
	return ch
}
