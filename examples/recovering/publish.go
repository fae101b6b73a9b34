package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// publisher sends messages back to the broker: to wait for their next try, or to the dead-letter queue.
// It has a connection of its own, because a broker short of memory stops reading from connections that
// publish, and our acks would be stuck behind. It is not recovered: a publish that fails is tried again
// on a new connection, as only the one who waits for the confirm can know what is unconfirmed.
type publisher struct {
	settings settings

	mu       sync.Mutex
	conn     *amqp.Connection
	ch       *amqp.Channel
	returned chan amqp.Return
	blocked  chan amqp.Blocking
}

// publish returns when the broker has taken charge of the message. After an error it may or may not have.
func (p *publisher) publish(ctx context.Context, queue string, m amqp.Publishing) error {
	ctx, cancel := context.WithTimeout(ctx, p.settings.callLimit)
	defer cancel()
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.connect(); err != nil {
		return err
	}
	defer p.limit()()
	confirm, err := p.ch.PublishWithDeferredConfirmWithContext(ctx, "", queue, true, false, m)
	if err == nil {
		err = p.confirmed(ctx, confirm)
	}
	select {
	case r, ok := <-p.returned: // comes before the confirm
		if ok && err == nil {
			err = fmt.Errorf("no queue for it: %d %s", r.ReplyCode, r.ReplyText)
		}
	default:
	}
	p.forget(err)
	if err != nil {
		return fmt.Errorf("publish to %s: %w", queue, err)
	}
	return nil
}

// confirmed waits for the broker's answer. A broker that is short of memory or disk does not answer
// before it is well again, and says so: a worker must not wait for that, nor all of them one by one.
func (p *publisher) confirmed(ctx context.Context, confirm *amqp.DeferredConfirmation) error {
	for {
		select {
		case <-confirm.Done():
			if !confirm.Acked() {
				return errors.New("the broker refused it")
			}
			return nil
		case b, open := <-p.blocked:
			switch {
			case !open:
				return amqp.ErrClosed
			case b.Active:
				return fmt.Errorf("the broker takes nothing now: %s", b.Reason)
			}
		case <-ctx.Done():
			return fmt.Errorf("no confirm: %w", ctx.Err())
		}
	}
}

// depth tells how many messages wait in the queue.
func (p *publisher) depth(context.Context) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.connect(); err != nil {
		return 0, err
	}
	defer p.limit()()
	q, err := p.ch.QueueDeclarePassive(p.settings.queue, true, false, false, false, nil)
	p.forget(err)
	return q.Messages, err
}

func (p *publisher) connect() error {
	if p.ch != nil && !p.ch.IsClosed() {
		return nil
	}
	p.close()
	conn, err := amqp.DialConfig(p.settings.amqpURL, amqp.Config{Heartbeat: p.settings.heartbeat, Dial: amqp.DefaultDial(p.settings.callLimit)})
	if err != nil {
		return fmt.Errorf("connect to the broker: %w", withoutURL(err))
	}
	p.conn, p.blocked = conn, conn.NotifyBlocked(make(chan amqp.Blocking, 8))
	defer p.limit()()
	if p.ch, err = conn.Channel(); err == nil {
		err = declare(p.ch, p.settings)
	}
	if err == nil {
		p.returned = p.ch.NotifyReturn(make(chan amqp.Return, 1))
		err = p.ch.Confirm(false)
	}
	p.forget(err)
	return err
}

// limit cuts the connection when the broker has not answered in time: the library would wait for ever. The
// heartbeat finds it out as well, unless the broker keeps its heart beating.
func (p *publisher) limit() (answered func()) {
	conn := p.conn
	timer := time.AfterFunc(p.settings.callLimit, func() { _ = conn.CloseDeadline(time.Now()) })
	return func() { timer.Stop() }
}

// forget drops the connection after an error: what comes late on it must not be taken for an answer.
func (p *publisher) forget(err error) {
	if err != nil {
		p.close()
	}
}

func (p *publisher) close() {
	if p.conn != nil {
		conn := p.conn
		go func() { _ = conn.CloseDeadline(time.Now().Add(time.Second)) }()
	}
	p.conn, p.ch = nil, nil
}

// again is the message as it is published once more, with what has happened to it.
func again(m *amqp.Delivery, attempts int, why error, wait time.Duration) amqp.Publishing {
	headers := amqp.Table{}
	for k, v := range m.Headers {
		if k != "x-death" { // the broker's own account; it starts a new one
			headers[k] = v
		}
	}
	headers[headerAttempts] = int64(attempts)
	headers[headerReason] = fmt.Sprintf("%.500s", why.Error())
	p := amqp.Publishing{
		Headers: headers, Body: m.Body, DeliveryMode: amqp.Persistent,
		MessageId: m.MessageId, CorrelationId: m.CorrelationId, Timestamp: m.Timestamp, Priority: m.Priority,
		ContentType: m.ContentType, ContentEncoding: m.ContentEncoding, Type: m.Type, AppId: m.AppId, ReplyTo: m.ReplyTo,
	}
	if wait > 0 {
		p.Expiration = strconv.FormatInt(max(wait.Milliseconds(), 1), 10)
	}
	return p
}

// withoutURL drops the URL that net/url puts into its errors: it may hold a password.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}
