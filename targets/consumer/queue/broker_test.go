package queue_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer/brokertest"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
)

func TestMain(m *testing.M) { os.Exit(brokertest.Main(m)) }

const patience = 20 * time.Second

var topology = queue.Topology{Jobs: "jobs", Retry: "jobs.retry", Dead: "jobs.dead"}

func TestDeliveryIsSettledOnceByMany(t *testing.T) {
	t.Parallel()
	said := &counter{}
	released := 0
	d := queue.NewDelivery(amqp.Delivery{Acknowledger: said, DeliveryTag: 1}, func() { released++ })
	var wg sync.WaitGroup
	var refused atomic.Int32
	for i := range 50 {
		wg.Go(func() {
			settle := d.Ack
			if i%2 == 0 {
				settle = d.HandBack
			}
			if errors.Is(settle(), queue.ErrSettled) {
				refused.Add(1)
			}
		})
	}
	wg.Wait()
	require.Equal(t, int32(1), said.n.Load())
	require.Equal(t, int32(49), refused.Load())
	require.Equal(t, 1, released)

	never := queue.NewDelivery(amqp.Delivery{Acknowledger: said}, nil)
	require.ErrorIs(t, never.Ack(), queue.ErrNotDelivered)
	require.ErrorIs(t, never.HandBack(), queue.ErrNotDelivered)
	require.Equal(t, int32(1), said.n.Load(), "nothing was sent for what was never delivered")
}

type counter struct{ n atomic.Int32 }

func (c *counter) Ack(uint64, bool) error        { c.n.Add(1); return nil }
func (c *counter) Nack(uint64, bool, bool) error { c.n.Add(1); return nil }
func (c *counter) Reject(uint64, bool) error     { c.n.Add(1); return nil }

func publisher(t *testing.T, url string) *queue.Publisher {
	p := &queue.Publisher{Link: &queue.Link{URL: url, Name: "test"}, Topology: topology}
	t.Cleanup(func() { _ = p.Link.Close(time.Second) })
	return p
}

func TestPublishIsConfirmedOrFails(t *testing.T) {
	t.Parallel()
	_, url := brokertest.Vhost(t)
	p := publisher(t, url)
	require.NoError(t, p.Publish(t.Context(), "jobs.dead", amqp.Publishing{MessageId: "m1"}))
	require.ErrorIs(t, p.Publish(t.Context(), "nowhere", amqp.Publishing{MessageId: "m2"}), queue.ErrUnroutable)
	require.NoError(t, p.Publish(t.Context(), "jobs.dead", amqp.Publishing{MessageId: "m3"}), "the next one is not harmed")
}

func TestRetryQueueGivesBackAfterTheWait(t *testing.T) {
	t.Parallel()
	_, url := brokertest.Vhost(t)
	p := publisher(t, url)
	require.NoError(t, p.Publish(t.Context(), "jobs.retry", amqp.Publishing{MessageId: "m1", Expiration: "20"}))
	ch, err := p.Link.Channel(t.Context())
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		m, ok, err := ch.Get("jobs", true)
		return err == nil && ok && m.MessageId == "m1"
	}, patience, 5*time.Millisecond)
}

// A stale delivery must not be settled on the channel that came after its own: its tag means another
// message there.
func TestStaleTagIsNotSettledOnTheNextChannel(t *testing.T) {
	t.Parallel()
	_, url := brokertest.Vhost(t)
	p := publisher(t, url)
	for i := range 3 {
		require.NoError(t, p.Publish(t.Context(), "jobs", amqp.Publishing{MessageId: fmt.Sprint("m", i)}))
	}
	s := &queue.Source{Link: &queue.Link{URL: url, Name: "test"}, Topology: topology, Prefetch: 1, Workers: 4}
	t.Cleanup(func() { _ = s.Link.Close(time.Second) })
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var seen atomic.Int32
	got := make(chan *queue.Delivery, 10)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Run(ctx, func(d *queue.Delivery) {
			first := seen.Add(1) == 1
			got <- d // before the drop: what comes after a reconnect must not overtake it
			if first {
				s.Link.Drop()
			}
		})
	}()
	stale, fresh := <-got, <-got
	require.Equal(t, stale.Message.DeliveryTag, fresh.Message.DeliveryTag, "same tag, another channel")
	require.ErrorIs(t, stale.Ack(), amqp.ErrClosed)
	require.NoError(t, fresh.Ack())
	third := <-got
	require.NoError(t, third.HandBack())
	stop()
	<-done
	ch, err := p.Link.Channel(t.Context())
	require.NoError(t, err)
	q, err := ch.QueueDeclarePassive("jobs", true, false, false, false, nil)
	require.NoError(t, err)
	require.Equal(t, 2, q.Messages, "one was acked, and only one")
}

func TestLinkConnectsWhenTheBrokerIsThereAndHidesItsPassword(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	var mu sync.Mutex
	l := &queue.Link{URL: "amqp://u:secret@127.0.0.1:1/", // where nobody listens
		Name: "test", Min: time.Millisecond, Max: 5 * time.Millisecond,
		Log: slog.New(slog.NewTextHandler(&locked{w: &out, mu: &mu}, nil))}
	logged := func() string {
		mu.Lock()
		defer mu.Unlock()
		return out.String()
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	failed := make(chan error, 1)
	go func() {
		_, err := l.Channel(ctx)
		failed <- err
	}()
	require.Eventually(t, func() bool { return strings.Contains(logged(), "attempt=3") }, patience, 5*time.Millisecond, "it goes on trying")
	cancel()
	err := <-failed
	require.Error(t, err)
	require.False(t, l.Up())
	require.NotContains(t, logged()+err.Error(), "secret")
}

type locked struct {
	w  *bytes.Buffer
	mu *sync.Mutex
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// A broker that takes the connection and then says nothing must not hold us for ever.
func TestSilentBrokerIsGivenUp(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	dials := make(chan struct{}, 10)
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = c.Close() })
			dials <- struct{}{}
		}
	}()
	l := &queue.Link{URL: "amqp://u:p@" + listener.Addr().String() + "/", Name: "test", Min: time.Millisecond, Max: 5 * time.Millisecond}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { _, _ = l.Channel(ctx) }()
	<-dials
	<-dials // the first handshake was given up
	cancel()
}
