package load

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"
)

// link is one connection to the broker.
type link interface {
	Send(batch []message) error // an error ends the link; any of the batch may have been sent
	Done() <-chan struct{}      // closed when the connection has ended by itself
	Err() error                 // why, once Done is closed
	Close()                     // in order when it still can; no callback after it has returned
}

// dialer makes a link that reports to events.
type dialer func(ctx context.Context, e events) (link, error)

// events is what the broker answers.
type events interface {
	confirmed(tag uint64, multiple, ack bool)
	bounced(id uint64, text string)
	throttled(on bool, reason string)
}

func (p *Publisher) confirmed(tag uint64, multiple, ack bool) {
	p.mu.Lock()
	p.ledger.confirm(tag, multiple, ack)
	p.settle()
	p.mu.Unlock()
	p.nudge()
}

func (p *Publisher) bounced(id uint64, text string) {
	p.mu.Lock()
	p.ledger.bounce(id)
	p.mu.Unlock()
	p.o.Log.Debug("load: message returned", "id", id, "text", text)
}

func (p *Publisher) throttled(on bool, reason string) {
	p.mu.Lock()
	p.blocked = on
	p.mu.Unlock()
	p.o.Log.Info("load: the broker blocks publishers", "blocked", on, "reason", reason)
	p.nudge()
}

type amqpLink struct {
	conn  *amqp.Connection
	ch    *amqp.Channel
	queue string
	done  chan struct{}
	err   error
	tasks sync.WaitGroup
}

func amqpDialer(o Options) dialer {
	return func(ctx context.Context, e events) (link, error) {
		conn, err := amqp.DialConfig(o.URL, amqp.Config{Locale: "en_US", Dial: func(network, addr string) (net.Conn, error) {
			return o.Dial(network, addr)
		}})
		if err != nil {
			return nil, err
		}
		l := &amqpLink{conn: conn, queue: o.Queue, done: make(chan struct{})}
		if err := l.begin(o, e); err != nil {
			conn.Close()
			return nil, err
		}
		return l, nil
	}
}

func (l *amqpLink) begin(o Options, e events) error {
	ch, err := l.conn.Channel()
	if err != nil {
		return err
	}
	if err := ch.Confirm(false); err != nil {
		return err
	}
	l.ch = ch
	closed := ch.NotifyClose(make(chan *amqp.Error, 1))
	confirms := ch.NotifyPublish(make(chan amqp.Confirmation, o.Window))
	returns := ch.NotifyReturn(make(chan amqp.Return, 16))
	blocks := l.conn.NotifyBlocked(make(chan amqp.Blocking, 4))
	l.tasks.Go(func() {
		for c := range confirms {
			e.confirmed(c.DeliveryTag, false, c.Ack)
		}
	})
	l.tasks.Go(func() {
		for r := range returns {
			id, _ := strconv.ParseUint(strings.TrimPrefix(r.MessageId, "m"), 10, 64)
			e.bounced(id, r.ReplyText)
		}
	})
	l.tasks.Go(func() {
		for b := range blocks {
			e.throttled(b.Active, b.Reason)
		}
	})
	l.tasks.Go(func() {
		l.err = errors.New("connection closed")
		if err := <-closed; err != nil {
			l.err = err
		}
		close(l.done)
	})
	return nil
}

func (l *amqpLink) Send(batch []message) error {
	for _, m := range batch {
		mode := amqp.Persistent
		if m.props.Transient {
			mode = amqp.Transient
		}
		err := l.ch.Publish("", l.queue, true, false, amqp.Publishing{
			MessageId: "m" + strconv.FormatUint(m.id, 10), Timestamp: m.at, DeliveryMode: mode,
			ContentType: m.props.ContentType, Headers: m.props.Headers, Body: m.body,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *amqpLink) Done() <-chan struct{} { return l.done }
func (l *amqpLink) Err() error            { return l.err }

func (l *amqpLink) Close() {
	l.conn.Close()
	l.tasks.Wait()
}
