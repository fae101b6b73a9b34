package load

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// link is one connection to the broker.
type link interface {
	Send(batch []message) error // an error ends the link; any of the batch may have been sent
	Done() <-chan struct{}      // closed when the connection or its channel has ended
	Err() error                 // why, once Done is closed; nil when we closed it
	Close()                     // in order when it still can, bounded; no event comes after it
}

// dialer makes a link that reports to events.
type dialer func(ctx context.Context, e events) (link, error)

// events is what the broker tells a publisher. They come one at a time.
type events interface {
	confirmed(tag uint64, multiple, ack bool)
	bounced(id uint64, text string)
	throttled(on bool, reason string)
}

const (
	// connectLimit bounds one attempt to connect, handshake included: a broker that accepts and then
	// says nothing must not hold up the next attempt.
	connectLimit = 5 * time.Second
	closeLimit   = time.Second
	writeSize    = 64 << 10 // bytes that make a write
	firstChannel = 1        // the number that the client library gives to a connection's first channel
)

// amqpLink leaves handshake, heartbeats, flow control and closing to the client library, and speaks
// the three methods of the fast path itself, on the connection that it shares with the library:
// publishes go out many in one write, confirms and returns are read from the bytes as they pass. The
// library's own publishing takes 4 to 8 times the CPU, allocates 33 times a message, walks its whole
// window for every confirm of many, and holds the lock that its shutdown needs while a write blocks.
type amqpLink struct {
	conn *amqp.Connection
	sock *shared
	head []byte // the method frame of every publish
	max  int    // largest frame, in bytes
	buf  []byte
	done chan struct{}
	err  error
	task sync.WaitGroup
}

func amqpDialer(o Options) dialer {
	return func(ctx context.Context, e events) (link, error) {
		ctx, cancel := context.WithTimeout(ctx, connectLimit)
		defer cancel()
		l := &amqpLink{
			sock: &shared{answers: answers{channel: firstChannel, events: e}},
			head: publishHead(firstChannel, o.Queue),
			done: make(chan struct{}),
		}
		err := l.connect(ctx, o, e)
		if err == nil {
			return l, nil
		}
		if ctx.Err() != nil {
			err = fmt.Errorf("no answer in time: %w", context.Cause(ctx))
		}
		if l.conn != nil {
			l.Close()
		} else if l.sock.Conn != nil {
			l.sock.Close()
		}
		return nil, err
	}
}

// connect does everything up to the first publish; the end of ctx closes the socket under it.
func (l *amqpLink) connect(ctx context.Context, o Options, e events) error {
	stop := func() bool { return true }
	conn, err := amqp.DialConfig(o.URL, amqp.Config{Dial: func(network, addr string) (net.Conn, error) {
		c, err := o.Dial(network, addr)
		if err != nil {
			return nil, err
		}
		l.sock.Conn = c
		stop = context.AfterFunc(ctx, func() { c.Close() })
		return l.sock, nil
	}})
	if err != nil {
		stop()
		return err
	}
	l.conn = conn
	if err := l.begin(e); err != nil {
		stop()
		return err
	}
	if !stop() {
		return context.Cause(ctx)
	}
	return nil
}

// begin opens the channel, puts it in confirm mode and follows the ends of both.
func (l *amqpLink) begin(e events) error {
	l.max = l.conn.Config.FrameSize
	if l.max <= frameExtra {
		l.max = 128 << 10 // no limit was negotiated
	}
	blocks := l.conn.NotifyBlocked(make(chan amqp.Blocking, 1))
	l.task.Go(func() {
		for b := range blocks {
			e.throttled(b.Active, b.Reason)
		}
	})
	ch, err := l.conn.Channel()
	if err != nil {
		return fmt.Errorf("opening a channel: %w", err)
	}
	ends := ch.NotifyClose(make(chan *amqp.Error, 1))
	l.task.Go(func() {
		if err := <-ends; err != nil {
			l.err = err
		}
		close(l.done)
	})
	// Without an answer, because the library does not expect one.
	if _, err := l.sock.Write(confirmSelectFrame(firstChannel)); err != nil {
		return fmt.Errorf("asking for confirms: %w", err)
	}
	return nil
}

// Send writes whole messages only, so the library's own frames never fall into one.
func (l *amqpLink) Send(batch []message) error {
	for i := range batch {
		l.buf = append(l.buf, l.head...)
		l.buf = appendContent(l.buf, firstChannel, l.max, &batch[i])
		if i < len(batch)-1 && len(l.buf) < writeSize {
			continue
		}
		if _, err := l.sock.Write(l.buf); err != nil {
			return fmt.Errorf("writing to the broker: %w", err)
		}
		l.buf = l.buf[:0]
	}
	return nil
}

func (l *amqpLink) Done() <-chan struct{} { return l.done }

func (l *amqpLink) Err() error { return l.err }

func (l *amqpLink) Close() {
	// An error says that the connection is gone already or that the broker did not answer in time.
	// Both leave nothing to do but to close the socket.
	_ = l.conn.CloseDeadline(time.Now().Add(closeLimit))
	l.sock.Close()
	l.sock.mute()
	l.task.Wait()
}

// shared is the connection that the library and we both write to and read from.
type shared struct {
	net.Conn
	write sync.Mutex

	read    sync.Mutex
	muted   bool
	answers answers
}

func (s *shared) Write(p []byte) (int, error) {
	s.write.Lock()
	defer s.write.Unlock()
	return s.Conn.Write(p)
}

func (s *shared) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	s.read.Lock()
	defer s.read.Unlock()
	if !s.muted {
		s.answers.feed(p[:n])
	}
	return n, err
}

// mute ends the answers: a confirm of this connection must not be taken for one of the next.
func (s *shared) mute() {
	s.read.Lock()
	s.muted = true
	s.read.Unlock()
}
