package broker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
)

func newAdmin(t testing.TB, url string) *Admin {
	a := NewAdmin(url, nil)
	t.Cleanup(func() { _ = a.Close() })
	return a
}

func TestAdminLooksIntoQueues(t *testing.T) {
	t.Parallel()
	l := shared.get(t)
	url := l.URL(newVhost(t, l))
	ch := channel(t, dial(t, url))
	durableQueue(t, ch, "jobs", nil)
	publish(t, ch, "jobs", "m1", "m2", "m3")
	a := newAdmin(t, url)

	depth := func(queue string) [2]int {
		ready, consumers, err := a.Depth(limit(t), queue)
		require.NoError(t, err)
		return [2]int{ready, consumers}
	}
	require.Equal(t, [2]int{3, 0}, depth("jobs"))
	_, _, err := a.Depth(limit(t), "missing")
	var ae *amqp.Error
	require.ErrorAs(t, err, &ae)
	require.Equal(t, amqp.NotFound, ae.Code)
	_, err = a.Peek(limit(t), "missing")
	require.ErrorContains(t, err, "NOT_FOUND")
	require.Equal(t, [2]int{3, 0}, depth("jobs"), "the answer 404 must not be the last one")

	for range 2 { // looking changes nothing
		found, err := a.Peek(limit(t), "jobs")
		require.NoError(t, err)
		require.Equal(t, []Message{{ID: "m1"}, {ID: "m2"}, {ID: "m3"}}, withoutHeaders(found))
	}
	require.NoError(t, ch.Qos(1, 0, false))
	deliveries, err := ch.Consume("jobs", "", false, false, false, false, nil)
	require.NoError(t, err)
	<-deliveries
	require.Equal(t, [2]int{2, 1}, depth("jobs"))
	n, err := a.Purge(limit(t), "jobs")
	require.NoError(t, err)
	require.Equal(t, 2, n)
	require.Equal(t, [2]int{0, 1}, depth("jobs"))
	require.NoError(t, a.Close())
	require.Equal(t, [2]int{0, 1}, depth("jobs"), "it can be used after Close")
}

func withoutHeaders(all []Message) []Message {
	for i := range all {
		all[i].Headers = nil
	}
	return all
}

func TestPeekTellsWhyAMessageIsDead(t *testing.T) {
	t.Parallel()
	l := shared.get(t)
	url := l.URL(newVhost(t, l))
	ch := channel(t, dial(t, url))
	durableQueue(t, ch, "jobs", amqp.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"})
	durableQueue(t, ch, "dead", nil)
	publish(t, ch, "jobs", "rejected", "twice")
	for range 2 {
		d, ok, err := ch.Get("jobs", false)
		require.NoError(t, err)
		require.True(t, ok)
		require.NoError(t, d.Reject(false))
	}
	c, err := ch.PublishWithDeferredConfirmWithContext(limit(t), "", "dead", true, false,
		amqp.Publishing{MessageId: "by-consumer", Headers: amqp.Table{"x-reason": "garbage image"}})
	require.NoError(t, err)
	require.True(t, c.Wait())

	found, err := newAdmin(t, url).Peek(limit(t), "dead")
	require.NoError(t, err)
	require.ElementsMatch(t, []Message{
		{ID: "rejected", Reason: "rejected", Deaths: 1, Queue: "jobs"},
		{ID: "twice", Reason: "rejected", Deaths: 1, Queue: "jobs"},
		{ID: "by-consumer", Reason: "garbage image"},
	}, withoutHeaders(found))
}

func TestAdminSurvivesTheBroker(t *testing.T) {
	t.Parallel()
	l := newLocal(t, LocalOptions{})
	durableQueue(t, channel(t, dial(t, l.URL(""))), "q", nil)
	a := newAdmin(t, l.URL(""))
	look := func(ctx context.Context) error {
		_, _, err := a.Depth(ctx, "q")
		return err
	}
	require.NoError(t, look(limit(t)))

	// The node writes what it knows of its queues to disk within seconds: a kill before that loses them.
	_, err := l.Eval(limit(t), "mnesia:sync_log()")
	require.NoError(t, err)
	require.NoError(t, l.Kill())
	require.ErrorContains(t, look(limit(t)), "nothing listens")
	require.NoError(t, l.Start(limit(t)))
	require.NoError(t, look(limit(t)))

	require.NoError(t, l.Pause())
	for range 2 {
		short, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		require.ErrorIs(t, look(short), context.DeadlineExceeded)
		cancel()
	}
	require.NoError(t, l.Resume())
	require.NoError(t, look(limit(t)))

	_, err = l.Eval(limit(t), `[rabbit_networking:close_connection(P,"test") || P <- rabbit_networking:connections()]`)
	require.NoError(t, err)
	require.NoError(t, look(limit(t)), "one lost connection is replaced without being told")
}

func TestAdminFromManySides(t *testing.T) {
	t.Parallel()
	l := shared.get(t)
	url := l.URL(newVhost(t, l))
	durableQueue(t, channel(t, dial(t, url)), "q", nil)
	dials := 0
	a := NewAdmin(url, func(ctx context.Context, url string) (*amqp.Connection, error) {
		if dials++; dials == 1 {
			return nil, errors.New("not yet")
		}
		return Dial(ctx, url)
	})
	defer a.Close()
	_, _, err := a.Depth(limit(t), "q")
	require.ErrorContains(t, err, "not yet")
	var askers sync.WaitGroup
	for i := range 20 {
		askers.Go(func() {
			queue := "q"
			if i%2 == 0 {
				queue = fmt.Sprint("missing", i)
			}
			if _, _, err := a.Depth(limit(t), queue); (err == nil) != (queue == "q") {
				t.Errorf("%s: %v", queue, err)
			}
		})
	}
	askers.Wait()
	require.Equal(t, 2, dials)
}

func BenchmarkDepth(b *testing.B) {
	l := shared.get(b)
	durableQueue(b, channel(b, dial(b, l.URL(""))), "depth", nil)
	a := newAdmin(b, l.URL(""))
	for b.Loop() {
		if _, _, err := a.Depth(b.Context(), "depth"); err != nil {
			b.Fatal(err)
		}
	}
}
