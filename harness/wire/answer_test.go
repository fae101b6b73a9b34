package wire

import (
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
)

func TestCloseChannelLooksReal(t *testing.T) {
	t.Parallel()
	as := CloseChannel{Code: 406, Text: "PRECONDITION_FAILED - as told"}
	for _, tt := range []struct {
		name string
		rule Rule
		acks bool
	}{
		{"on an ack", ackRule(1, as), true},
		// The library drops what it holds when a channel closes: two may have arrived, yet none need come out.
		{"on a deliver", Rule{Match: Match{Method: BasicDeliver, Nth: 3}, Action: as}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			x := onWire(t)
			x.fill(5)
			rule := x.w.Add(tt.rule)
			c := x.consumer(4)
			if tt.acks {
				_ = x.next(c.deliveries).Ack(false)
			}
			err := await(t, c.chanClosed, "the channel's close")
			require.Equal(t, 406, err.Code)
			require.Equal(t, "PRECONDITION_FAILED - as told", err.Reason)
			await(t, rule.Hit(), "the hit")
			ready, unacked, consumers := x.depth()
			require.Zero(t, unacked, "the broker must have requeued before the client hears of it")
			require.Zero(t, consumers)
			require.Equal(t, 5, ready)

			// The connection lives on: a new channel gets the same number, and all comes again.
			ch := x.channel(c.conn)
			d := x.consume(ch, 10)
			for range ready {
				require.NoError(t, x.next(d).Ack(false))
			}
			x.awaitDepth(0, 0, 1)
			require.False(t, c.conn.IsClosed())
			e := x.seen.await(t, "the close", func(e Event) bool { return e.Method == ChannelClose && e.Dir == ToClient })
			require.True(t, e.Synthetic)
			require.True(t, x.seen.method(t, ToBroker, ChannelCloseOk).Swallowed)
		})
	}
}

func TestCloseChannelAfterTheAck(t *testing.T) {
	t.Parallel()
	x := onWire(t)
	x.fill(1)
	x.w.Add(ackRule(1, CloseChannel{Code: 404, Text: "no", After: true}))
	c := x.consumer(1)
	require.NoError(t, x.next(c.deliveries).Ack(false))
	require.Equal(t, 404, await(t, c.chanClosed, "the close").Code)
	x.awaitDepth(0, 0, 0) // the broker has the ack
	require.False(t, c.conn.IsClosed())
}

// A delivery behind the close makes the client library take the connection for broken.
func TestCloseChannelBeforeADelivery(t *testing.T) {
	t.Parallel()
	x := onWire(t)
	x.fill(3)
	x.w.Add(Rule{Match: Match{Method: BasicDeliver, Nth: 2}, Action: CloseChannel{Code: 406, Text: "no", Late: true}})
	c := x.consumer(1)
	require.NoError(t, x.next(c.deliveries).Ack(false))
	require.Equal(t, 406, await(t, c.chanClosed, "the channel's close").Code)
	require.Equal(t, 504, await(t, c.connClosed, "the connection's close").Code)
	x.awaitDepth(2, 0, 0)
	late := x.seen.await(t, "the late delivery", func(e Event) bool { return e.Method == BasicDeliver && e.Synthetic })
	require.Equal(t, "m2", string(late.MessageID))
}

func TestCloseChannelAgainAndAgain(t *testing.T) {
	t.Parallel()
	x := onWire(t)
	x.fill(1)
	x.w.Add(Rule{Match: Match{Dir: ToBroker, Method: BasicAck}, Action: CloseChannel{Code: 406, Text: "no"}})
	conn := x.dial()
	for i := range 50 {
		ch := x.channel(conn)
		closed := ch.NotifyClose(make(chan *amqp.Error, 1))
		m := x.next(x.consume(ch, 1))
		require.Equal(t, i > 0, m.Redelivered)
		_ = m.Ack(false)
		_ = m.Ack(false) // what comes behind the ack must not reach the broker, either
		require.Equal(t, 406, await(t, closed, "the close").Code)
	}
	require.False(t, conn.IsClosed())
	x.awaitDepth(1, 0, 0)
}

func TestCloseChannelCrossesTheClientsOwnClose(t *testing.T) {
	t.Parallel()
	x := onWire(t)
	x.fill(1)
	x.w.Add(ackRule(0, CloseChannel{Code: 406, Text: "no"}))
	conn := x.dial()
	for range 50 {
		ch := x.channel(conn)
		_ = x.next(x.consume(ch, 1)).Ack(false)
		_ = ch.Close() // ends well or with the 406, but ends
	}
	require.False(t, conn.IsClosed())
	x.awaitDepth(1, 0, 0)
}

func TestCloseConnectionLooksReal(t *testing.T) {
	t.Parallel()
	for name, rule := range map[string]Rule{
		"on an ack": ackRule(1, CloseConnection{541, "INTERNAL_ERROR"}),
		"at once":   {Match: Match{Method: Now}, Action: CloseConnection{541, "INTERNAL_ERROR"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := onWire(t)
			x.fill(2)
			c := x.consumer(1)
			m := x.next(c.deliveries)
			x.w.Add(rule)
			_ = m.Ack(false)
			err := await(t, c.connClosed, "the close")
			require.Equal(t, 541, err.Code)
			require.Equal(t, "INTERNAL_ERROR", err.Reason)
			require.True(t, err.Server)
			x.awaitDepth(2, 0, 0)
			require.Eventually(t, func() bool { return len(x.w.Conns()) == 0 }, patient, time.Millisecond)
		})
	}
}

func TestCancelConsumerLooksReal(t *testing.T) {
	t.Parallel()
	x := onWire(t)
	x.fill(3)
	x.w.Add(Rule{Match: Match{Method: BasicDeliver, Nth: 2}, Action: CancelConsumer{}})
	c := x.consumer(2)
	first := x.next(c.deliveries)
	second := x.next(c.deliveries)
	require.Equal(t, "tag-"+x.queue, await(t, c.cancelled, "the cancel"))
	_, open := <-c.deliveries
	require.False(t, open)
	x.awaitDepth(1, 2, 0) // the consumer is gone, the channel is not
	require.NoError(t, first.Ack(false))
	require.NoError(t, second.Ack(false))
	x.awaitDepth(1, 0, 0)
	require.Equal(t, "m3", x.next(x.consume(c.ch, 1)).MessageId)
}

// publisher is a channel in confirm mode behind the wire.
func (x *bench) publisher() *amqp.Channel {
	ch := x.channel(x.dial())
	require.NoError(x, ch.Confirm(false))
	return ch
}

// publishAll publishes n messages at once and tells of each: "ack", "nack" or "none".
func (x *bench) publishAll(ch *amqp.Channel, n int) []string {
	var all []*amqp.DeferredConfirmation
	for i := 1; i <= n; i++ {
		c, err := ch.PublishWithDeferredConfirm("", x.queue, true, false, message(i))
		require.NoError(x, err)
		all = append(all, c)
	}
	// The last one's confirm and a round trip behind it mean that all are there.
	await(x, all[n-1].Done(), "the last confirm")
	require.Eventually(x, func() bool {
		missing := 0
		for _, c := range all {
			if !done(c) {
				missing++
			}
		}
		return missing <= 1
	}, patient, time.Millisecond)
	var out []string
	for _, c := range all {
		switch {
		case !done(c):
			out = append(out, "none")
		case c.Acked():
			out = append(out, "ack")
		default:
			out = append(out, "nack")
		}
	}
	return out
}

func done(c *amqp.DeferredConfirmation) bool {
	select {
	case <-c.Done():
		return true
	default:
		return false
	}
}

func TestPublishFaultsKeepTheConfirmsOfOthersRight(t *testing.T) {
	t.Parallel()
	const n, at = 200, 57 // the 57th, m57, is the one that suffers
	for _, tt := range []struct {
		name   string
		action Action
		want   string // what the client hears of it
		copies int    // in the queue
	}{
		{"swallowed", Swallow{}, "none", 0},
		{"doubled", Duplicate{}, "ack", 2},
		{"refused", RefusePublish{}, "nack", 0},
		{"returned", ReturnPublish{}, "ack", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			x := onWire(t)
			x.w.Add(Rule{Match: Match{Method: BasicPublish, MessageID: "m57"}, Action: tt.action})
			ch := x.publisher()
			returns := ch.NotifyReturn(make(chan amqp.Return, 1))
			got := x.publishAll(ch, n)
			for i, outcome := range got {
				if i+1 == at {
					require.Equal(t, tt.want, outcome)
				} else {
					require.Equal(t, "ack", outcome, "message %d", i+1)
				}
			}
			x.awaitDepth(n-1+tt.copies, 0, 0)
			if tt.name == "returned" {
				r := await(t, returns, "the return")
				require.Equal(t, "m57", r.MessageId)
				require.Equal(t, "body of m57", string(r.Body))
				require.EqualValues(t, 312, r.ReplyCode)
			}
			// And so it stays: the next ones are confirmed under their own numbers.
			c, err := ch.PublishWithDeferredConfirm("", x.queue, false, false, message(n+1))
			require.NoError(t, err)
			require.True(t, c.Wait())
		})
	}
}

func TestWhatIsNotMandatoryIsNotReturned(t *testing.T) {
	t.Parallel()
	x := onWire(t)
	x.w.Add(Rule{Match: Match{Method: BasicPublish, MessageID: "m1"}, Action: ReturnPublish{}})
	ch := x.publisher()
	returns := ch.NotifyReturn(make(chan amqp.Return, 2))
	for i, mandatory := range []bool{false, true} { // the wire acts on the first alone
		c, err := ch.PublishWithDeferredConfirm("", x.queue, mandatory, false, message(i+1))
		require.NoError(t, err)
		require.True(t, c.Wait())
	}
	x.awaitDepth(1, 0, 0)
	require.Empty(t, returns, "it would have come before the confirms")
}

func TestBlockAndUnblock(t *testing.T) {
	t.Parallel()
	x := onWire(t)
	conn := x.dial()
	blocked := conn.NotifyBlocked(make(chan amqp.Blocking, 2))
	x.w.Add(Rule{Match: Match{Method: Now}, Action: Block{"low on memory"}})
	require.Equal(t, amqp.Blocking{Active: true, Reason: "low on memory"}, await(t, blocked, "blocked"))
	x.w.Add(Rule{Match: Match{Method: Now}, Action: Unblock{}})
	require.False(t, await(t, blocked, "unblocked").Active)
	x.seen.method(t, ToClient, ConnectionUnblocked)
}
