package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
	amqp "github.com/rabbitmq/amqp091-go"
)

// answerLimit is the default of Link.Timeout.
const answerLimit = 5 * time.Second

// ErrNoAnswer means that the broker did not answer a method in time; the connection is dropped then.
var ErrNoAnswer = errors.New("the broker did not answer in time")

// Link keeps one connection to the broker and opens channels on it. It connects when first asked for
// a channel and again whenever the connection is gone. Safe for many goroutines.
type Link struct {
	URL         string
	Name        string        // shown in the broker's list of connections
	Heartbeat   time.Duration // 0: the broker's
	Timeout     time.Duration // of a connect with its handshake, and of each question (open, declare, …): amqp091 waits for ever for an answer that got lost; 0: 5 s
	Min, Max    time.Duration // first and longest wait between attempts to connect; 0: 100 ms and 10 s
	Jitter      float64       // share of each such wait, more or less, so that not all come back at once; 0: 0.25, below 0: none
	Log         *slog.Logger
	OnConnected func() // told after each connect, the first included

	// Dial makes the connection; nil: amqp.DialConfig.
	Dial func(url string, c amqp.Config) (*amqp.Connection, error)

	mu   sync.Mutex // held while connecting
	conn *amqp.Connection
	raw  net.Conn
	seen atomic.Pointer[amqp.Connection] // conn, for those who must not wait
	held valve                           // closed while the broker takes nothing from conn

	arrived atomic.Int64 // bytes from the broker
}

// Channel opens a channel, connecting first if need be. It tries until ctx ends.
func (l *Link) Channel(ctx context.Context) (*amqp.Channel, error) {
	least, most := l.waits()
	policy := retrypolicy.NewBuilder[*amqp.Channel]().
		WithMaxRetries(-1).
		WithBackoff(least, most).
		WithJitterFactor(l.jitter()).
		OnRetryScheduled(func(e failsafe.ExecutionScheduledEvent[*amqp.Channel]) {
			l.log().Warn("no channel to the broker; trying again", "link", l.Name, "broker", redact(l.URL), "attempt", e.Attempts(), "wait", e.Delay, "error", e.LastError())
		}).
		Build()
	var opened *amqp.Channel
	ch, err := failsafe.With(policy).WithContext(ctx).Get(func() (_ *amqp.Channel, err error) {
		opened, err = l.try(ctx)
		return opened, err
	})
	if err != nil {
		if opened != nil { // ctx ended at that moment
			_ = opened.Close()
		}
		return nil, fmt.Errorf("open a channel to %s: %w", redact(l.URL), err)
	}
	return ch, nil
}

func (l *Link) try(ctx context.Context) (*amqp.Channel, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn == nil || l.conn.IsClosed() {
		if err := l.connect(ctx); err != nil {
			return nil, err
		}
	}
	conn := l.conn
	ch, err := within(context.WithoutCancel(ctx), l.timeout(), conn.Channel)
	if err != nil {
		l.drop()
		return nil, fmt.Errorf("open a channel: %w", err)
	}
	return ch, nil
}

func (l *Link) connect(ctx context.Context) error {
	props := amqp.NewConnectionProperties()
	props.SetClientConnectionName(l.Name)
	var raw net.Conn
	dial := func(network, address string) (net.Conn, error) {
		d := net.Dialer{Timeout: l.timeout()}
		c, err := d.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		raw = counted{c, &l.arrived}
		return raw, c.SetDeadline(time.Now().Add(l.timeout())) // the library clears it after the handshake
	}
	connect := l.Dial
	if connect == nil {
		connect = amqp.DialConfig
	}
	conn, err := connect(l.URL, amqp.Config{Heartbeat: l.Heartbeat, Properties: props, Dial: dial})
	if err != nil {
		if raw != nil {
			_ = raw.Close()
		}
		return fmt.Errorf("connect: %w", withoutURL(err))
	}
	l.conn, l.raw = conn, raw
	l.seen.Store(conn)
	l.watch(conn)
	if l.OnConnected != nil {
		l.OnConnected()
	}
	l.log().Info("connected to the broker", "link", l.Name, "broker", redact(l.URL))
	return nil
}

// watch logs what befalls the connection, until it is closed.
func (l *Link) watch(conn *amqp.Connection) {
	closed := conn.NotifyClose(make(chan *amqp.Error, 1))
	blocked := conn.NotifyBlocked(make(chan amqp.Blocking, 8))
	go func() {
		for b := range blocked {
			l.held.set(conn, b.Active)
			l.log().Warn("the broker changed what it takes from this connection", "link", l.Name, "blocked", b.Active, "reason", b.Reason)
		}
		l.held.set(conn, false)
	}()
	go func() {
		if err := <-closed; err != nil {
			l.log().Warn("connection to the broker lost", "link", l.Name, "error", err)
		}
	}()
}

// Blocked gives a channel that is closed while the broker takes nothing from the connection, being short
// of memory or disk. Ask again after each publish: it is another one then.
func (l *Link) Blocked() <-chan struct{} { return l.held.closed() }

// Up tells whether there is a connection at this moment.
func (l *Link) Up() bool {
	conn := l.seen.Load()
	return conn != nil && !conn.IsClosed()
}

// Drop cuts the connection at once. The next Channel connects again.
func (l *Link) Drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drop()
}

func (l *Link) drop() {
	if l.raw != nil {
		_ = l.raw.Close() // amqp091's own close would wait for an answer
	}
	l.conn, l.raw = nil, nil
	l.seen.Store(nil)
}

// Close ends the connection in order, within limit.
func (l *Link) Close(limit time.Duration) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn == nil || l.conn.IsClosed() {
		return nil
	}
	err := l.conn.CloseDeadline(time.Now().Add(limit))
	l.drop()
	if err != nil && !errors.Is(err, amqp.ErrClosed) {
		return fmt.Errorf("close the connection to %s: %w", redact(l.URL), err)
	}
	return nil
}

func (l *Link) waits() (least, most time.Duration) {
	least, most = l.Min, l.Max
	if least <= 0 {
		least = 100 * time.Millisecond
	}
	if most <= least {
		most = max(10*time.Second, 2*least) // the policy wants most above least
	}
	return least, most
}

func (l *Link) jitter() float64 {
	if l.Jitter == 0 {
		return 0.25
	}
	return max(l.Jitter, 0)
}

// timeout is how long the broker may take for an answer.
func (l *Link) timeout() time.Duration { return orDefault(l.Timeout, answerLimit) }

func (l *Link) log() *slog.Logger { return orDiscard(l.Log) }

// within runs call, and gives up after limit. The call then goes on in the background until its
// connection is dropped, which is the caller's duty.
func within[T any](ctx context.Context, limit time.Duration, call func() (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	done := make(chan answer, 1)
	go func() {
		v, err := call()
		done <- answer{v, err}
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	var none T
	select {
	case a := <-done:
		return a.value, a.err
	case <-ctx.Done():
		return none, ctx.Err()
	case <-timer.C:
		return none, fmt.Errorf("%w (%v)", ErrNoAnswer, limit)
	}
}

// bounded is within for calls that give only an error.
func bounded(ctx context.Context, limit time.Duration, call func() error) error {
	_, err := within(ctx, limit, func() (struct{}, error) { return struct{}{}, call() })
	return err
}

func redact(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "(unreadable URL)"
	}
	return u.Redacted()
}

// withoutURL drops the URL that net/url puts into its errors: it may hold a password.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

func orDiscard(log *slog.Logger) *slog.Logger {
	if log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return log
}
