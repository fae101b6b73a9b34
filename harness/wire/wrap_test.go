package wire

import (
	"io"
	"net"
	"os"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
)

// dialWrapped connects a client straight to the broker, with the wire in its own process.
func (x *bench) dialWrapped(w *Wire) *amqp.Connection {
	conn, err := amqp.DialConfig(x.rawURL, amqp.Config{Locale: "en_US", Heartbeat: 10 * time.Second,
		Dial: func(network, addr string) (net.Conn, error) {
			c, err := net.DialTimeout(network, addr, patient)
			if err != nil {
				return nil, err
			}
			return w.Wrap(c), nil
		}})
	require.NoError(x, err)
	x.Cleanup(func() { _ = conn.CloseDeadline(time.Now().Add(time.Second)) })
	return conn
}

func TestWrappedConnectionObeysRules(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		rule  Rule
		check func(x *bench, c *consumer, m amqp.Delivery)
	}{
		{"ack swallowed", ackRule(1, Swallow{}), func(x *bench, _ *consumer, m amqp.Delivery) {
			require.NoError(x, m.Ack(false))
			x.awaitDepth(1, 1, 1)
		}},
		{"cut before the ack", ackRule(1, Cut{}), func(x *bench, c *consumer, m amqp.Delivery) {
			_ = m.Ack(false)
			require.Contains(x, await(x, c.connClosed, "the end").Reason, "connection reset by peer")
			x.awaitDepth(2, 0, 0)
		}},
		{"cut in mid ack, FIN", ackRule(1, Cut{When: Mid, FIN: true}), func(x *bench, c *consumer, m amqp.Delivery) {
			_ = m.Ack(false)
			require.Contains(x, await(x, c.connClosed, "the end").Reason, "EOF")
			x.awaitDepth(2, 0, 0)
		}},
		{"cut after the ack", ackRule(1, Cut{When: After}), func(x *bench, c *consumer, m amqp.Delivery) {
			require.NoError(x, m.Ack(false))
			require.Contains(x, await(x, c.connClosed, "the end").Reason, "connection reset by peer")
			x.awaitDepth(1, 0, 0)
		}},
		{"406 for the ack", ackRule(1, CloseChannel{Code: 406, Text: "no"}), func(x *bench, c *consumer, m amqp.Delivery) {
			_ = m.Ack(false)
			require.Equal(x, 406, await(x, c.chanClosed, "the close").Code)
			x.awaitDepth(2, 0, 0)
			d := x.consume(x.channel(c.conn), 1)
			require.True(x, x.next(d).Redelivered)
		}},
		{"320", ackRule(1, CloseConnection{320, "CONNECTION_FORCED"}), func(x *bench, c *consumer, m amqp.Delivery) {
			_ = m.Ack(false)
			require.Equal(x, 320, await(x, c.connClosed, "the close").Code)
			x.awaitDepth(2, 0, 0)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			x := onWire(t)
			x.fill(2)
			w := New(Config{Tap: x.seen.tap})
			rule := w.Add(tt.rule)
			c := x.consumerOn(x.dialWrapped(w), 1)
			tt.check(x, c, x.next(c.deliveries))
			await(t, rule.Hit(), "the hit")
		})
	}
}

func TestWrappedReaderIsWokenByInjection(t *testing.T) {
	t.Parallel()
	x := onWire(t)
	w := New(Config{})
	conn := x.dialWrapped(w)
	blocked := conn.NotifyBlocked(make(chan amqp.Blocking, 1))
	require.NoError(t, w.Inject(0, ToClient, BlockedFrame("as told")))
	require.Equal(t, "as told", await(t, blocked, "blocked").Reason)
	require.NoError(t, conn.Close())
	require.Eventually(t, func() bool { return len(w.Conns()) == 0 }, patient, time.Millisecond)
}

func TestWrappedStallEndsWithItsRuleOrTheDeadline(t *testing.T) {
	t.Parallel()
	for _, d := range []Direction{ToBroker, ToClient} {
		w := New(Config{})
		c := w.Wrap(dialTo(t, echo(t)))
		passes(t, c)
		beat := HeartbeatFrame()
		exchange := func() error {
			if _, err := c.Write(beat); err != nil {
				return err
			}
			_, err := io.ReadFull(c, make([]byte, len(beat)))
			return err
		}
		rule := w.Add(Rule{Match: Match{Method: Now}, Action: Stall{Dir: d}})
		done := make(chan error, 1)
		go func() { done <- exchange() }()
		await(t, rule.Hit(), "the hit")
		rule.Remove()
		require.NoError(t, await(t, done, "the exchange"))

		w.Add(Rule{Match: Match{Method: Now}, Action: Stall{Dir: d}})
		require.NoError(t, c.SetDeadline(time.Now().Add(10*time.Millisecond)))
		require.ErrorIs(t, exchange(), os.ErrDeadlineExceeded)
		require.NoError(t, c.Close())
	}
}

func TestWrappedCloseFreesAStalledWriter(t *testing.T) {
	t.Parallel()
	w := New(Config{})
	c := w.Wrap(dialTo(t, echo(t)))
	passes(t, c)
	w.Add(Rule{Match: Match{Method: Now}, Action: Stall{}})
	done := make(chan error, 1)
	go func() {
		_, err := c.Write(HeartbeatFrame())
		done <- err
	}()
	require.NoError(t, c.Close())
	_ = await(t, done, "the writer")
	require.Empty(t, w.Conns())
}

func TestWrapOnAClosedWire(t *testing.T) {
	t.Parallel()
	w := New(Config{})
	require.NoError(t, w.Close())
	c := w.Wrap(dialTo(t, echo(t)))
	_, err := c.Write(HeartbeatFrame())
	require.Error(t, err)
}
