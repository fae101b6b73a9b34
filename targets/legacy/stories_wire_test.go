package legacy_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/consumertest"
)

func holdsSeveralJobs(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	release := make(chan struct{})
	defer close(release)
	l.AI.Answers(func(_ http.ResponseWriter, id string) bool {
		if id != "warm-up" {
			<-release
		}
		return false
	})
	l.Start(t, change)
	l.AwaitReady(t)
	l.Submit(t, 2)
	return await(t,
		func() bool { return l.AI.Times("m1") == 1 && l.AI.Times("m2") == 1 },
		later(t, time.Second))
}

func slowImageIsNoFailure(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	l.AI.Answers(func(_ http.ResponseWriter, id string) bool {
		if id != "warm-up" {
			time.Sleep(400 * time.Millisecond)
		}
		return false
	})
	l.Start(t, change, "MAX_ATTEMPTS=2")
	l.AwaitReady(t)
	ids := l.Submit(t, 1)
	return await(t,
		func() bool { return l.API.Requests(ids[0]) == 1 },
		func() bool { ready, _ := l.Depth(t, "jobs.dead"); return ready > 0 })
}

func deadConnectionIsNoticed(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	f := newFront(t, l.URL)
	l.Start(t, change, "AMQP_URL="+f.url, "AMQP_HEARTBEAT=1s", "AMQP_TIMEOUT=1s")
	l.AwaitReady(t)
	f.mute.Store(true)
	return await(t, func() bool { return f.accepted() > 1 }, later(t, 5*time.Second))
}

func resetConnectionIsOpenedAgain(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	gate := l.NewGate(t)
	l.Start(t, change, "AMQP_URL="+gate.URL)
	l.AwaitReady(t)
	l.AwaitReported(t, l.Submit(t, 5))
	gate.Reset()
	return goesOn(t, l)
}

func repeatedDeliveryCountsOnce(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	var dropped atomic.Bool
	l.AI.Answers(func(_ http.ResponseWriter, id string) bool {
		if id == "m3" && dropped.CompareAndSwap(false, true) {
			l.Consumer.Link.Drop()
		}
		return false
	})
	l.Start(t, change)
	l.AwaitReady(t)
	ids := l.Submit(t, 5)
	l.AwaitEmpty(t)
	return l.API.Keys() == len(ids)
}

func silentHandshakeIsGivenUp(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	f := newFront(t, l.URL)
	f.mute.Store(true)
	l.Start(t, change, "AMQP_URL="+f.url, "AMQP_TIMEOUT=50ms")
	return await(t, func() bool { return f.accepted() > 2 }, later(t, 2*time.Second))
}

func attemptsGrowRarer(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	waits := waitsOf(t, l, change)
	return waits[5] > 4*waits[0]
}

func attemptsAreApart(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	for i, wait := range waitsOf(t, l, change) {
		if wait != 10*time.Millisecond<<i {
			return true
		}
	}
	return false
}

// waitsOf gives the waits between the first attempts to connect to nobody.
func waitsOf(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) []time.Duration {
	t.Helper()
	w := &waits{Handler: slog.DiscardHandler}
	l.Start(t, func(c *consumer.Consumer) {
		change(c)
		c.Link.Log = slog.New(w)
	}, "AMQP_URL=amqp://127.0.0.1:1/", "RECONNECT_MAX=10s")
	require.Eventually(t, func() bool { return len(w.all()) >= 6 }, consumertest.Within, 5*time.Millisecond)
	return w.all()[:6]
}

// waits is a log handler that keeps the waits it is told.
type waits struct {
	slog.Handler
	mu   sync.Mutex
	seen []time.Duration
}

func (w *waits) Enabled(context.Context, slog.Level) bool { return true }

func (w *waits) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "wait" {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.seen = append(w.seen, a.Value.Duration())
		}
		return true
	})
	return nil
}

func (w *waits) all() []time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]time.Duration{}, w.seen...)
}

func manyLostConnections(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	l.Start(t, change)
	for range 6 {
		l.AwaitReady(t)
		l.Consumer.Link.Drop()
		if !await(t, l.Consumer.Link.Up, later(t, time.Second)) {
			return false
		}
	}
	return goesOn(t, l)
}

// front stands before the broker. Muted, it passes nothing on, and says nothing about it.
type front struct {
	url  string
	mute atomic.Bool
	ln   net.Listener
	n    atomic.Int32
}

func newFront(t *testing.T, broker string) *front {
	t.Helper()
	u, err := url.Parse(broker)
	require.NoError(t, err)
	f := &front{}
	f.ln, err = net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.ln.Close() })
	upstream := u.Host
	u.Host = f.ln.Addr().String()
	f.url = u.String()
	go func() {
		for {
			c, err := f.ln.Accept()
			if err != nil {
				return
			}
			f.n.Add(1)
			go f.serve(c, upstream)
		}
	}()
	return f
}

func (f *front) accepted() int { return int(f.n.Load()) }

func (f *front) serve(c net.Conn, upstream string) {
	defer c.Close()
	b, err := net.Dial("tcp", upstream)
	if err != nil {
		return
	}
	defer b.Close()
	go func() {
		_, _ = io.Copy(muted{f, c}, b)
		_ = c.Close()
	}()
	_, _ = io.Copy(muted{f, b}, c)
}

// muted drops what is written while its front is muted.
type muted struct {
	*front
	net.Conn
}

func (m muted) Write(b []byte) (int, error) {
	if m.mute.Load() {
		return len(b), nil
	}
	return m.Conn.Write(b)
}
