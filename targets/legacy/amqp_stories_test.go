package legacy_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/consumertest"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
)

// once replaces the handling of one message, the first time that it comes.
func once(c *consumer.Consumer, id string, do func(*queue.Delivery)) {
	next := c.Handle
	var did atomic.Bool
	c.Handle = func(ctx context.Context, d *queue.Delivery) {
		if d.Message.MessageId == id && did.CompareAndSwap(false, true) {
			do(d)
			return
		}
		next(ctx, d)
	}
}

func missingQueueIsLivedWith(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	l.Start(t, func(c *consumer.Consumer) {
		change(c)
		once(c, "m5", func(d *queue.Delivery) {
			_, _ = d.Channel().QueueDeclarePassive("none", true, false, false, false, nil)
		})
	}, "CONCURRENCY=1")
	l.AwaitReady(t)
	l.Submit(t, 5)
	require.Eventually(t, func() bool { return l.Node.ChannelErrors(t, l.URL) > 0 }, consumertest.Within, 5*time.Millisecond)
	return goesOn(t, l)
}

// survives plays a job that fails and cannot be published again at first, for the given reason.
func survives(refusal error) story {
	return func(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
		failsOnce(l, "m1")
		var refused atomic.Bool
		l.Start(t, func(c *consumer.Consumer) {
			next := c.Worker.Publish
			c.Worker.Publish = func(ctx context.Context, queue string, m amqp.Publishing) error {
				if refused.CompareAndSwap(false, true) {
					return fmt.Errorf("publish: %w", refusal)
				}
				return next(ctx, queue, m)
			}
			change(c)
		})
		l.AwaitReady(t)
		l.Submit(t, 1)
		require.Eventually(t, refused.Load, consumertest.Within, 5*time.Millisecond)
		return await(t, func() bool { return l.API.Requests("m1") > 0 }, later(t, consumertest.Within/2))
	}
}

// missingQueueIsNoticed deletes the retry queue under a publisher that has declared it, and has a job fail.
func missingQueueIsNoticed(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	l.AI.Answers(func(w http.ResponseWriter, id string) bool {
		if id != "m1" && id != "m2" || l.AI.Times(id) > 1 {
			return false
		}
		w.WriteHeader(http.StatusInternalServerError)
		return true
	})
	l.Start(t, change)
	l.AwaitReady(t)
	l.AwaitReported(t, l.Submit(t, 1)) // its copy was published: the publisher has its channel
	deleteNamed(t, l, "jobs.retry")
	l.Submit(t, 1)
	return await(t, func() bool { return l.API.Requests("m2") > 0 }, later(t, 3*time.Second))
}

func failsOnce(l *consumertest.Lab, id string) {
	l.AI.Answers(func(w http.ResponseWriter, got string) bool {
		if got != id || l.AI.Times(id) > 1 {
			return false
		}
		w.WriteHeader(http.StatusInternalServerError)
		return true
	})
}

// oldTagsAreForgotten has a job end after a reconnect, when it has come again.
func oldTagsAreForgotten(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	release := l.AI.Hold(t, "m1")
	var came atomic.Int32
	l.Start(t, func(c *consumer.Consumer) {
		change(c)
		next := c.Handle
		c.Handle = func(ctx context.Context, d *queue.Delivery) {
			if came.Add(1) == 2 {
				time.AfterFunc(100*time.Millisecond, func() { release() })
			}
			next(ctx, d)
		}
	})
	l.AwaitReady(t)
	ids := l.Submit(t, 1)
	require.Eventually(t, func() bool { return l.AI.Times("m1") == 1 }, consumertest.Within, 5*time.Millisecond)
	l.Consumer.Link.Drop()
	l.AwaitReported(t, ids)
	l.AwaitReported(t, l.Submit(t, 5))
	return l.Node.ChannelErrors(t, l.URL) == 0
}

func jobThatComesAgainIsAckedOnce(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	var dropped atomic.Bool
	l.AI.Answers(func(_ http.ResponseWriter, id string) bool {
		if id == "m5" && dropped.CompareAndSwap(false, true) {
			l.Consumer.Link.Drop()
		}
		return false
	})
	l.Start(t, change, "CONCURRENCY=1")
	l.AwaitReady(t)
	l.AwaitReported(t, l.Submit(t, 5))
	l.AwaitEmpty(t)
	return l.Node.ChannelErrors(t, l.URL) == 0
}

// told plays a broker that says something of its own accord: frames are put behind its last word.
func told(frames ...[]byte) story {
	return func(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
		u, err := url.Parse(l.URL)
		require.NoError(t, err)
		way := between(t, u.Host)
		u.Host = way.addr
		l.Start(t, change, "AMQP_URL="+u.String())
		l.AwaitReady(t)
		l.AwaitReported(t, l.Submit(t, 5))
		l.AwaitEmpty(t)
		way.say(t, frames...)
		ids := l.Submit(t, 30)
		return await(t,
			func() bool { ready, _ := l.Depth(t, "jobs"); return ready == 0 && l.API.Keys() == 5+len(ids) },
			later(t, consumertest.Within/2))
	}
}

// blocked is connection.blocked, with the reason "low".
func blocked() []byte { return []byte("\x01\x00\x00\x00\x00\x00\x08\x00\x0a\x00\x3c\x03low\xce") }

// frameError is connection.close with code 501, as after a corrupt byte.
func frameError() []byte {
	return []byte("\x01\x00\x00\x00\x00\x00\x0e\x00\x0a\x00\x32\x01\xf5\x03bad\x00\x00\x00\x00\xce")
}

// cancel is basic.cancel of a consumer on channel 1, without an answer.
func cancel(tag string) []byte {
	size := byte(4 + 1 + len(tag) + 1)
	return append([]byte{1, 0, 1, 0, 0, 0, size, 0, 60, 0, 30, byte(len(tag))}, tag+"\x01\xce"...)
}

// way is a relay between a consumer and its broker.
type way struct {
	addr  string
	mu    sync.Mutex
	first net.Conn // of the consumer: the first that it makes is the one that it consumes on
}

func between(t *testing.T, broker string) *way {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = ln.Close() })
	w := &way{addr: ln.Addr().String()}
	go func() {
		for {
			client, err := ln.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", broker)
			if err != nil {
				_ = client.Close()
				continue
			}
			w.mu.Lock()
			if w.first == nil {
				w.first = client
			}
			w.mu.Unlock()
			go pipe(client, server)
			go pipe(server, client)
		}
	}()
	return w
}

func pipe(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	_, _ = to.Close(), from.Close()
}

// say writes frames to the consumer. The broker is silent at that moment, so they are between its frames.
func (w *way) say(t *testing.T, frames ...[]byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range frames {
		_, err := w.first.Write(f)
		require.NoError(t, err)
	}
}

func lostAckIsDoubted(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	l.Start(t, func(c *consumer.Consumer) {
		c.Source.(*queue.Source).StallAfter = 200 * time.Millisecond
		change(c)
		next := c.Handle
		var lost atomic.Bool
		c.Handle = func(ctx context.Context, d *queue.Delivery) {
			if lost.CompareAndSwap(false, true) {
				d.Message.Acknowledger = silent{}
			}
			next(ctx, d)
		}
	}, "AMQP_PREFETCH=1", "CONCURRENCY=1")
	l.AwaitReady(t)
	ids := l.Submit(t, 5)
	return await(t, func() bool { return l.API.Requests(ids[4]) > 0 }, later(t, consumertest.Within/2))
}

// silent is an Acknowledger whose words never arrive.
type silent struct{}

func (silent) Ack(uint64, bool) error        { return nil }
func (silent) Nack(uint64, bool, bool) error { return nil }
func (silent) Reject(uint64, bool) error     { return nil }

// nothingPilesUp loses the channel: what served the old one must end.
func nothingPilesUp(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	const workers = 8
	labels := pprof.Labels("story", t.Name())
	pprof.Do(t.Context(), labels, func(context.Context) { // what it starts inherits the label
		l.Start(t, change, fmt.Sprintf("CONCURRENCY=%d", workers))
	})
	l.AwaitReady(t)
	l.AwaitReported(t, l.Submit(t, 1))
	before := running(t)
	l.Consumer.Link.Drop()
	l.AwaitReported(t, l.Submit(t, 1))
	return await(t,
		func() bool { return running(t) < before+workers-2 },
		later(t, 2*time.Second))
}

// running counts the goroutines of the story.
func running(t *testing.T) (n int) {
	var text strings.Builder
	require.NoError(t, pprof.Lookup("goroutine").WriteTo(&text, 1))
	for record := range strings.SplitSeq(text.String(), "\n\n") {
		if !strings.Contains(record, `"story":"`+t.Name()+`"`) {
			continue
		}
		var count int
		if _, err := fmt.Sscanf(strings.TrimSpace(record), "%d @", &count); err == nil {
			n += count
		}
	}
	require.NotZero(t, n, "no goroutine carries the story's label: %v", errors.New(t.Name()))
	return n
}
