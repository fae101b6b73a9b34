package queue

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// ErrUnroutable means that the broker found no queue for the message.
var ErrUnroutable = errors.New("the broker found no queue for it")

// ErrRefused means that the broker answered the publish with a nack.
var ErrRefused = errors.New("the broker refused it")

// ErrBlocked means that the broker takes nothing at the moment: it is short of memory or disk.
var ErrBlocked = errors.New("the broker takes no messages at the moment")

// Publisher sends messages to queues by name and waits for the broker's confirm. Its link must not be
// a consumer's: a broker that is short of memory stops reading from connections that publish, and the
// acks of a consumer on the same connection would be stuck. Safe for many goroutines, one at a time.
type Publisher struct {
	Link     *Link
	Topology Topology      // declared on each new channel
	Limit    time.Duration // for one publish with its confirm; 0: 10 s

	// Send writes m to the queue. Default: as mandatory, so that a broker without such a queue gives it back.
	Send func(ch *amqp.Channel, queue string, m amqp.Publishing) (*amqp.DeferredConfirmation, error)

	mu       sync.Mutex
	ch       *amqp.Channel
	returned chan amqp.Return
}

// Publish sends m to the queue and returns when the broker has taken charge of it. After an error it
// may or may not be in the queue; ErrBlocked comes at once, for as long as it lasts.
func (p *Publisher) Publish(ctx context.Context, queue string, m amqp.Publishing) error {
	ctx, cancel := context.WithTimeout(ctx, orDefault(p.Limit, 10*time.Second))
	defer cancel()
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.publish(ctx, queue, m); err != nil {
		p.forget(err)
		return fmt.Errorf("publish message %q to %s: %w", m.MessageId, queue, err)
	}
	return nil
}

func (p *Publisher) publish(ctx context.Context, queue string, m amqp.Publishing) error {
	blocked := p.Link.Blocked()
	select {
	case <-blocked:
		return ErrBlocked // asking for anything would only wait for the broker's limit
	default:
	}
	if p.ch == nil || p.ch.IsClosed() {
		if err := p.open(ctx); err != nil {
			return err
		}
	}
	confirm, err := within(ctx, p.Link.timeout(), func() (*amqp.DeferredConfirmation, error) {
		return p.send(queue, m)
	})
	if err != nil {
		return err
	}
	select {
	case <-confirm.Done():
	case <-blocked:
		if !confirm.Acked() {
			return ErrBlocked
		}
	case <-ctx.Done():
		return fmt.Errorf("no confirm: %w", ctx.Err())
	}
	if !confirm.Acked() {
		return ErrRefused
	}
	select {
	case r := <-p.returned: // comes before the confirm
		return fmt.Errorf("%w: %d %s", ErrUnroutable, r.ReplyCode, r.ReplyText)
	default:
		return nil
	}
}

func (p *Publisher) send(queue string, m amqp.Publishing) (*amqp.DeferredConfirmation, error) {
	if p.Send != nil {
		return p.Send(p.ch, queue, m)
	}
	return p.ch.PublishWithDeferredConfirm("", queue, true, false, m)
}

func (p *Publisher) open(ctx context.Context) error {
	ch, err := p.Link.Channel(ctx)
	if err != nil {
		return err
	}
	err = bounded(ctx, p.Link.timeout(), func() error {
		if err := p.Topology.Declare(ch); err != nil {
			return err
		}
		return ch.Confirm(false)
	})
	if err != nil {
		return err
	}
	p.ch, p.returned = ch, ch.NotifyReturn(make(chan amqp.Return, 1))
	return nil
}

// forget drops a channel after an error: a confirm or return that comes late must not be taken for
// that of the next message.
func (p *Publisher) forget(err error) {
	if errors.Is(err, ErrNoAnswer) || errors.Is(err, context.DeadlineExceeded) {
		p.Link.Drop()
	}
	if ch := p.ch; ch != nil {
		p.ch = nil
		go func() { _ = ch.Close() }()
	}
}
