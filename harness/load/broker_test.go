package load

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
)

func TestMessageArrivesAsOffered(t *testing.T) {
	q, ch := queue(t, rabbit(t))
	p := openOn(t, Options{URL: rabbit(t).URL("/"), Queue: q})
	headers := map[string]any{
		"text": "ü", "yes": true, "no": false, "int": int64(-7), "small": 7, "float": 1.5, "none": nil,
		"list": []any{int64(1), "two"}, "map": map[string]any{"in": "side"},
	}
	large := bytes.Repeat([]byte("0123456789"), 30_000) // three frames
	before := time.Now().Truncate(time.Second)
	for _, m := range []struct {
		body  []byte
		props Props
	}{
		{[]byte(`{"a":1}`), Props{ContentType: "application/json", Headers: headers}},
		{nil, Props{}},
		{large, Props{Transient: true}},
		{nil, Props{Anonymous: true, Priority: 7, Expiration: time.Hour}},
	} {
		_, err := p.Submit(m.body, m.props)
		require.NoError(t, err)
	}
	require.NoError(t, p.Settled(bounded(t)))
	require.Equal(t, Counts{Offered: 4, Published: 4, Confirmed: 4}, p.Counts())

	get := func() amqp.Delivery {
		d, ok, err := ch.Get(q, true)
		require.NoError(t, err)
		require.True(t, ok)
		require.WithinRange(t, d.Timestamp, before, time.Now())
		return d
	}
	d := get()
	require.Equal(t, "m1", d.MessageId)
	require.JSONEq(t, `{"a":1}`, string(d.Body))
	require.Equal(t, "application/json", d.ContentType)
	require.EqualValues(t, amqp.Persistent, d.DeliveryMode)
	require.Equal(t, amqp.Table{
		"text": "ü", "yes": true, "no": false, "int": int64(-7), "small": int64(7), "float": 1.5, "none": nil,
		"list": []any{int64(1), "two"}, "map": amqp.Table{"in": "side"},
	}, d.Headers)
	d = get()
	require.Equal(t, "m2", d.MessageId)
	require.Empty(t, d.Body)
	require.Nil(t, d.Headers)
	d = get()
	require.Equal(t, "m3", d.MessageId)
	require.True(t, bytes.Equal(large, d.Body))
	require.EqualValues(t, amqp.Transient, d.DeliveryMode)
	d = get()
	require.Empty(t, d.MessageId)
	require.Equal(t, "m4", d.CorrelationId)
	require.EqualValues(t, 7, d.Priority)
	require.Equal(t, "3600000", d.Expiration)
	_, err := p.Submit(nil, Props{Expiration: time.Microsecond})
	require.ErrorContains(t, err, "expiration 1µs: want whole milliseconds")
}

func TestManyUsersOneConnection(t *testing.T) {
	q, ch := queue(t, rabbit(t))
	p := openOn(t, Options{URL: rabbit(t).URL("/"), Queue: q, Window: 64})
	const users, each = 50, 100
	var wg sync.WaitGroup
	for range users {
		wg.Go(func() {
			for range each {
				if _, err := p.Submit([]byte("x"), Props{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	require.NoError(t, p.Settled(bounded(t)))
	require.EqualValues(t, users*each, p.Counts().Confirmed)
	require.Equal(t, wanted(1, users*each), drain(t, ch, q))
}

// wanted is what drain gives when each message of the range came once, in order.
func wanted(from, to int) (s []string) {
	for i := from; i <= to; i++ {
		s = append(s, fmt.Sprintf("m%d", i))
	}
	return s
}

// drain takes all that is in the queue and gives the message-ids.
func drain(t *testing.T, ch *amqp.Channel, q string) (s []string) {
	t.Helper()
	for {
		d, ok, err := ch.Get(q, true)
		require.NoError(t, err)
		if !ok {
			return s
		}
		s = append(s, d.MessageId)
	}
}

func TestNoSuchQueue(t *testing.T) {
	p := openOn(t, Options{URL: rabbit(t).URL("/"), Queue: "nobody declared it"})
	for range 20 {
		_, err := p.Submit([]byte("x"), Props{Headers: map[string]any{"k": "v"}})
		require.NoError(t, err)
	}
	require.NoError(t, p.Settled(bounded(t)))
	require.Equal(t, Counts{Offered: 20, Published: 20, Returned: 20}, p.Counts())
}

func TestWrongCredentialsAndVhost(t *testing.T) {
	b := rabbit(t)
	for url, want := range map[string]string{
		"amqp://guest:s3cret@" + b.Addr() + "/":    "403",
		"amqp://guest:guest@" + b.Addr() + "/nope": "530",
	} {
		_, err := Open(bounded(t), Options{URL: url, Queue: "q"})
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "s3cret")
	}
}

// The broker is killed under load and comes back on its port.
func TestBrokerKilledAndStartedAgain(t *testing.T) {
	b := rabbit(t)
	q, _ := queue(t, b)
	ups, downs := make(chan struct{}, 100), make(chan error, 100)
	p := openOn(t, Options{URL: b.URL("/"), Queue: q, Seed: 1, OnState: func(up bool, err error) {
		if up {
			ups <- struct{}{}
		} else {
			downs <- err
		}
	}})
	<-ups
	stop := offer(t, p)
	awaitConfirmed(t, p, 500)
	// The node writes what it knows of its queues to disk within seconds: a kill before that loses them.
	_, err := b.Eval(bounded(t), "mnesia:sync_log()")
	require.NoError(t, err)
	b.Kill()
	require.Error(t, <-downs)
	atKill := p.Counts()
	require.NoError(t, b.Start(bounded(t)))
	require.Greater(t, p.Counts().Offered, atKill.Offered, "nothing was offered in the outage")
	<-ups
	awaitConfirmed(t, p, atKill.Confirmed+500)
	offered := stop()
	require.NoError(t, p.Settled(bounded(t)))

	c := p.Counts()
	require.EqualValues(t, offered, c.Offered)
	require.Equal(t, c.Offered, c.Confirmed+c.Unknown)

	_, ch := queueKept(t, q)
	got := drain(t, ch, q)
	seen := map[string]int{}
	for _, id := range got {
		seen[id]++
		require.Equal(t, 1, seen[id], "%s was published twice", id)
	}
	missing := c.Offered - uint64(len(got))
	require.LessOrEqual(t, missing, c.Unknown, "a confirmed message is gone")
	require.Contains(t, seen, "m1")
	require.Contains(t, seen, fmt.Sprintf("m%d", c.Offered))
}

// queueKept gives a channel on a queue that keeps its messages.
func queueKept(t *testing.T, q string) (string, *amqp.Channel) {
	t.Helper()
	conn, err := amqp.Dial(rabbit(t).URL("/"))
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	ch, err := conn.Channel()
	require.NoError(t, err)
	return q, ch
}

// offer submits a message each millisecond until the returned func is called, which gives their number.
func offer(t *testing.T, p *Publisher) (stop func() int) {
	done, n := make(chan struct{}), 0
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			if _, err := p.Submit(make([]byte, 100), Props{}); err != nil {
				t.Error(err)
				return
			}
			n++
		}
	})
	return func() int { close(done); wg.Wait(); return n }
}

func awaitConfirmed(t *testing.T, p *Publisher, n uint64) {
	t.Helper()
	require.Eventually(t, func() bool { return p.Counts().Confirmed >= n }, 30*time.Second, time.Millisecond)
}

// The memory alarm: the broker blocks publishers, Submit goes on, nothing becomes unknown.
func TestMemoryAlarm(t *testing.T) {
	b := rabbit(t)
	q, _ := queue(t, b)
	p := openOn(t, Options{URL: b.URL("/"), Queue: q})
	stop := offer(t, p)
	awaitConfirmed(t, p, 100)
	_, err := b.Eval(bounded(t), "vm_memory_monitor:set_vm_memory_high_watermark(0)")
	require.NoError(t, err)
	clear := func() {
		_, err := b.Eval(bounded(t), "vm_memory_monitor:set_vm_memory_high_watermark(0.4)")
		require.NoError(t, err)
	}
	t.Cleanup(clear)
	require.Eventually(t, p.isBlocked, 30*time.Second, time.Millisecond)
	published := p.Counts().Published
	offered := p.Counts().Offered
	require.Eventually(t, func() bool { return p.Counts().Offered > offered+200 }, 30*time.Second, time.Millisecond)
	require.Equal(t, published, p.Counts().Published, "published to a broker that had blocked us")
	clear()
	awaitConfirmed(t, p, offered+200)
	n := stop()
	require.NoError(t, p.Settled(bounded(t)))
	require.Equal(t, Counts{Offered: uint64(n), Published: uint64(n), Confirmed: uint64(n)}, p.Counts())
}

func (p *Publisher) isBlocked() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.blocked
}

// A broker that stops reading while a write blocks: the heartbeat ends it all the same.
func TestFrozenBrokerDoesNotHoldTheWriter(t *testing.T) {
	b := rabbit(t)
	q, _ := queue(t, b)
	downs := make(chan error, 100)
	p := openOn(t, Options{URL: b.URL("/") + "?heartbeat=1", Queue: q, OnState: func(up bool, err error) {
		if !up {
			downs <- err
		}
	}})
	require.NoError(t, b.Pause())
	resume := sync.OnceFunc(func() { require.NoError(t, b.Resume()) })
	t.Cleanup(resume)
	body := make([]byte, 1<<20)
	for range 64 { // more than the socket's buffers hold
		_, err := p.Submit(body, Props{Transient: true})
		require.NoError(t, err)
	}
	select {
	case err := <-downs:
		require.Error(t, err)
	case <-time.After(30 * time.Second):
		t.Fatal("the write still blocks")
	}
	resume()
	require.NoError(t, p.Settled(bounded(t)))
	c := p.Counts()
	require.Equal(t, c.Offered, c.Confirmed+c.Unknown)
}

func TestCloseOnAFrozenBroker(t *testing.T) {
	b := rabbit(t)
	q, _ := queue(t, b)
	p, err := Open(bounded(t), Options{URL: b.URL("/"), Queue: q})
	require.NoError(t, err)
	require.NoError(t, b.Pause())
	t.Cleanup(func() { require.NoError(t, b.Resume()) })
	body := make([]byte, 1<<20)
	for range 64 { // a write blocks
		_, err := p.Submit(body, Props{Transient: true})
		require.NoError(t, err)
	}
	require.NoError(t, p.Close(bounded(t)))
	c := p.Counts()
	require.Equal(t, c.Offered, c.Buffered+c.Unknown)
}

// A server that accepts and says nothing does not hold Open longer than its context.
func TestSilentServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	ctx, cancel := context.WithCancelCause(bounded(t))
	go func() {
		if c, err := l.Accept(); err == nil {
			defer c.Close()
		}
		cancel(errGone)
	}()
	_, err = Open(ctx, Options{URL: "amqp://u:p@" + l.Addr().String(), Queue: "q"})
	require.ErrorIs(t, err, errGone)
}
