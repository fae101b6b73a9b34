package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Depth tells how many messages are ready in queue and how many consumers it has. It opens a channel
// of its own for that, because the broker closes the channel when there is no such queue: the
// *amqp.Error of it (404) is then in the error's chain. Bounded by ctx.
func Depth(ctx context.Context, conn *amqp.Connection, queue string) (ready, consumers int, err error) {
	type counts struct{ ready, consumers int }
	got, err := bounded(ctx, func() (counts, error) {
		ch, err := conn.Channel()
		if err != nil {
			return counts{}, err
		}
		defer ch.Close()
		q, err := ch.QueueDeclarePassive(queue, false, false, false, false, nil)
		return counts{q.Messages, q.Consumers}, err
	})
	if err != nil {
		return 0, 0, fmt.Errorf("broker: depth of %s: %w", queue, err)
	}
	return got.ready, got.consumers, nil
}

// bounded gives up on call at the end of ctx: the client library has no such limit of its own. call
// then goes on by itself until its connection ends.
func bounded[T any](ctx context.Context, call func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		v, err := call()
		done <- result{v, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, fmt.Errorf("no answer from the broker: %w", ctx.Err())
	}
}

// Admin looks into queues over a connection of its own, which it opens when it needs it and opens
// again when it was lost. Its calls are bounded by their ctx and may come from several goroutines;
// they take turns.
type Admin struct {
	url  string
	dial func(ctx context.Context, url string) (*amqp.Connection, error)
	turn chan struct{} // holds one token: one call at a time, and conn is its caller's
	conn *amqp.Connection
}

// NewAdmin makes an Admin for the vhost of url. It does not connect yet. A nil dial means Dial.
func NewAdmin(url string, dial func(ctx context.Context, url string) (*amqp.Connection, error)) *Admin {
	if dial == nil {
		dial = Dial
	}
	return &Admin{url: url, dial: dial, turn: make(chan struct{}, 1)}
}

// Depth is like the function Depth.
func (a *Admin) Depth(ctx context.Context, queue string) (ready, consumers int, err error) {
	err = a.use(ctx, func(conn *amqp.Connection) error {
		ready, consumers, err = Depth(ctx, conn, queue)
		return err
	})
	return ready, consumers, err
}

// Purge throws away the ready messages of queue and tells how many there were.
func (a *Admin) Purge(ctx context.Context, queue string) (int, error) {
	return onChannel(ctx, a, "purge "+queue, func(ch *amqp.Channel) (int, error) {
		return ch.QueuePurge(queue, false)
	})
}

// Peek reads every ready message of queue and leaves it there (redelivered from now on).
func (a *Admin) Peek(ctx context.Context, queue string) ([]Message, error) {
	return onChannel(ctx, a, "read "+queue, func(ch *amqp.Channel) ([]Message, error) {
		var found []Message
		for ctx.Err() == nil {
			d, ok, err := ch.Get(queue, false)
			if err != nil {
				return nil, err
			}
			if !ok {
				return found, nil // the end of the channel puts them all back
			}
			found = append(found, messageOf(d))
		}
		return nil, ctx.Err()
	})
}

// Close ends the connection. The Admin can be used again after it.
func (a *Admin) Close() error {
	a.turn <- struct{}{}
	defer func() { <-a.turn }()
	return a.drop()
}

// use gives f the connection and renews it once when it turns out to be dead.
func (a *Admin) use(ctx context.Context, f func(conn *amqp.Connection) error) error {
	select {
	case a.turn <- struct{}{}:
		defer func() { <-a.turn }()
	case <-ctx.Done():
		return fmt.Errorf("broker: wait for another look into the queues: %w", ctx.Err())
	}
	kept := a.conn != nil
	for {
		if a.conn == nil || a.conn.IsClosed() {
			conn, err := a.dial(ctx, a.url)
			if err != nil {
				return err
			}
			a.conn, kept = conn, false
		}
		err := f(a.conn)
		if ctx.Err() != nil { // something still waits on this connection
			_ = a.drop()
			return err
		}
		if err == nil || !kept || !a.conn.IsClosed() {
			return err
		}
	}
}

// drop forgets the connection. One that does not answer gets a short time only.
func (a *Admin) drop() error {
	conn := a.conn
	a.conn = nil
	if conn == nil || conn.IsClosed() {
		return nil
	}
	err := conn.CloseDeadline(time.Now().Add(time.Second))
	if errors.Is(err, amqp.ErrClosed) {
		return nil
	}
	return err
}

func onChannel[T any](ctx context.Context, a *Admin, what string, f func(*amqp.Channel) (T, error)) (T, error) {
	var value T
	err := a.use(ctx, func(conn *amqp.Connection) error {
		var err error
		value, err = bounded(ctx, func() (T, error) {
			ch, err := conn.Channel()
			if err != nil {
				return value, err
			}
			defer ch.Close()
			return f(ch)
		})
		return err
	})
	if err != nil {
		return value, fmt.Errorf("broker: %s: %w", what, err)
	}
	return value, nil
}
