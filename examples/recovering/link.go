package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"sync"
	"sync/atomic"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

const consumerTag = "recovering"

var (
	errStale     = errors.New("its session is gone: the broker has taken the message back")
	errCancelled = errors.New("the broker cancelled the consumer")
	errGap       = errors.New("the delivery tags have a gap: a delivery got lost on its way")
)

// link is one connection that the library recovers by itself, with one consuming channel on it.
//
// The library's recovery has a danger. After it, the *amqp.Channel is the same object and the channel
// has the same number, but for the broker it is a new one, which numbers its deliveries from 1 again.
// A job that began before the recovery holds an old number: its Ack would go out on the new channel,
// give no error, and settle whatever message has that number now. That message would be lost, should
// its job fail.
//
// So each opening of the channel is a session here, each delivery belongs to its session, and nothing
// is settled but on the session it came from. The library's own hooks tell where one session ends and
// the next begins: link is its ConnectionRecovery and its TopologyRecovery.
type link struct {
	amqp.DefaultConnectionRecovery // reconnects; we only take note before it does

	settings settings
	log      *slog.Logger
	jobs     chan<- job      // where deliveries go
	draining <-chan struct{} // closed when we were told to stop

	mu   sync.Mutex // held from "is it still the session?" to the settlement's last byte
	now  *session   // nil while there is none
	lost time.Time  // since when there is none

	raw atomic.Pointer[net.Conn] // for drop, which must not wait for a settlement that hangs
}

// open connects, opens the channel and subscribes.
func (l *link) open() (*amqp.Connection, *amqp.Channel, error) {
	l.lost = time.Now()
	conn, err := amqp.DialConfig(l.settings.amqpURL, amqp.Config{
		Heartbeat: l.settings.heartbeat,
		Dial:      l.dial,
		Recovery: &amqp.Recovery{
			ReconnectionConfig: &amqp.ReconnectionConfig{
				// When its attempts are used up the library closes a channel for good and leaves
				// the connection open: a zombie. We judge by ourselves how long is too long.
				MaxRetryCount: math.MaxInt32,
				RetryInterval: l.settings.recoveryInterval,
			},
			ConnectionRecovery: l,
			TopologyRecovery:   l,
		},
	})
	if err != nil {
		l.drop()
		return nil, nil, fmt.Errorf("connect to the broker: %w", withoutURL(err))
	}
	ch, err := conn.Channel()
	if err == nil {
		err = ch.Qos(l.settings.prefetch, 0, false) // the library repeats it on each recovery
	}
	if err == nil {
		err = l.subscribe(ch)
	}
	if err != nil {
		return conn, nil, fmt.Errorf("subscribe: %w", err)
	}
	return conn, ch, nil
}

// dial is called by the library for the first connection and for each recovered one.
func (l *link) dial(network, address string) (net.Conn, error) {
	l.end(nil)
	c, err := net.DialTimeout(network, address, l.settings.callLimit)
	if err != nil {
		return nil, err
	}
	l.raw.Store(&c)
	return c, c.SetDeadline(time.Now().Add(l.settings.callLimit)) // the library clears it after the handshake
}

// OnConnectionClose implements amqp.ConnectionRecovery: first the session ends, then the library
// reconnects. The other way round there would be a moment in which a stale ack gets through.
func (l *link) OnConnectionClose(conn *amqp.Connection, err *amqp.Error) {
	l.end(nil)
	l.log.Warn("connection lost; recovering", "error", err)
	l.DefaultConnectionRecovery.OnConnectionClose(conn, err)
}

// OnChannelClose implements amqp.ConnectionRecovery. It is also called when the whole connection has
// gone, and then perhaps so late that the channel is open again.
func (l *link) OnChannelClose(ch *amqp.Channel, err *amqp.Error) {
	l.end(ch)
	l.log.Warn("channel lost; recovering", "error", err)
	l.DefaultConnectionRecovery.OnChannelClose(ch, err)
}

// RecoverTopology implements amqp.TopologyRecovery: the channel is open again, nothing is delivered on
// it yet. The library's own would keep the deliveries' Go channel over recoveries, in which what is left
// of the old session comes before what the new one delivers, and nothing tells the two apart.
func (l *link) RecoverTopology(_ *amqp.Connection, channels []*amqp.Channel) ([]amqp.TopologyRecoveryEntity, error) {
	for _, ch := range channels {
		if err := l.subscribe(ch); err != nil {
			l.log.Warn("not recovered yet", "error", err)
			return nil, err
		}
	}
	return nil, nil
}

// subscribe begins a session on a channel that was just opened.
func (l *link) subscribe(ch *amqp.Channel) error {
	if err := declare(ch, l.settings); err != nil {
		return err
	}
	s := newSession(l, ch)
	l.begin(s)
	// The same consumer tag again: the library then closes the Go channel of the session before.
	deliveries, err := ch.Consume(l.settings.queue, consumerTag, false, false, false, false, nil)
	if err != nil {
		l.end(nil)
		return err
	}
	l.log.Info("consuming", "queue", l.settings.queue)
	go s.read(deliveries)
	return nil
}

// declare makes the queues, with the arguments that everybody who shares them uses.
func declare(ch *amqp.Channel, s settings) error {
	back := amqp.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": s.queue}
	for _, q := range []struct {
		name string
		args amqp.Table
	}{{s.queue, nil}, {s.retry, back}, {s.dead, nil}} {
		if _, err := ch.QueueDeclare(q.name, true, false, false, false, q.args); err != nil {
			return fmt.Errorf("declare queue %s: %w", q.name, err)
		}
	}
	return nil
}

func (l *link) begin(s *session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now, l.lost = s, time.Time{}
}

// end ends the session; with a channel, only if that channel is closed at this moment.
func (l *link) end(ch *amqp.Channel) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.now != nil && (ch == nil || ch.IsClosed()) {
		l.now, l.lost = nil, time.Now()
	}
}

// session is the present one, nil when there is none, and since when.
func (l *link) session() (*session, time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now, l.lost
}

// settle runs send while s is the session for certain.
func (l *link) settle(s *session, send func() error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.now != s {
		return errStale
	}
	return send()
}

// drop cuts the connection, for the library to recover it. Closing it properly would be final.
func (l *link) drop() {
	if raw := l.raw.Load(); raw != nil {
		_ = (*raw).Close()
	}
}

// close ends the connection in order, for good. A recovery under way can hold it up: then it is cut.
func (l *link) close(ctx context.Context, conn *amqp.Connection) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = conn.CloseDeadline(time.Now().Add(l.settings.callLimit))
	}()
	select {
	case <-done:
	case <-ctx.Done():
		l.drop()
	}
}
