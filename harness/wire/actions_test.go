package wire

import (
	"io"
	"syscall"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
)

// consumer is a client with one consuming channel behind the wire.
type consumer struct {
	conn       *amqp.Connection
	ch         *amqp.Channel
	deliveries <-chan amqp.Delivery
	chanClosed chan *amqp.Error
	connClosed chan *amqp.Error
	cancelled  chan string
}

func (x *bench) consumer(prefetch int) *consumer { return x.consumerOn(x.dial(), prefetch) }

func (x *bench) consumerOn(conn *amqp.Connection, prefetch int) *consumer {
	c := &consumer{conn: conn, ch: x.channel(conn)}
	c.connClosed = conn.NotifyClose(make(chan *amqp.Error, 1))
	c.chanClosed = c.ch.NotifyClose(make(chan *amqp.Error, 1))
	c.cancelled = c.ch.NotifyCancel(make(chan string, 1))
	c.deliveries = x.consume(c.ch, prefetch)
	return c
}

// ackRule acts on the client's acks.
func ackRule(nth uint64, a Action) Rule {
	return Rule{Match: Match{Dir: ToBroker, Method: BasicAck, Nth: nth}, Action: a}
}

func TestSwallowedAckLeavesSilence(t *testing.T) {
	t.Parallel()
	x := onWire(t)
	x.fill(3)
	rule := x.w.Add(ackRule(1, Swallow{}))
	c := x.consumer(1)
	require.NoError(t, x.next(c.deliveries).Ack(false))
	await(t, rule.Hit(), "the hit")
	require.EqualValues(t, 1, rule.Hits())
	x.awaitDepth(2, 1, 1) // the broker still waits for the ack: nothing more is delivered
	require.Empty(t, c.deliveries)
	e := x.seen.method(t, ToBroker, BasicAck)
	require.True(t, e.Swallowed)
	require.Same(t, rule, e.Rule)

	// A later ack of all heals it.
	require.NoError(t, c.ch.Ack(1, true))
	require.Equal(t, "m2", x.next(c.deliveries).MessageId)
}

func TestSwallowedDeliverGoesWithItsBody(t *testing.T) {
	t.Parallel()
	x := onWire(t)
	x.fill(3)
	x.w.Add(Rule{Match: Match{Method: BasicDeliver, MessageID: "m2"}, Action: Swallow{}})
	c := x.consumer(10)
	require.Equal(t, "m1", x.next(c.deliveries).MessageId)
	m := x.next(c.deliveries)
	require.Equal(t, "m3", m.MessageId)
	require.Equal(t, "body of m3", string(m.Body))
	x.awaitDepth(0, 3, 1)
}

func TestDuplicateAckIsA406(t *testing.T) {
	t.Parallel()
	x := onWire(t)
	x.fill(1)
	x.w.Add(ackRule(1, Duplicate{}))
	c := x.consumer(1)
	require.NoError(t, x.next(c.deliveries).Ack(false))
	err := await(t, c.chanClosed, "the channel's close")
	require.Equal(t, 406, err.Code)
	x.awaitDepth(0, 0, 0)
	require.True(t, x.seen.await(t, "second ack", func(e Event) bool { return e.Method == BasicAck && e.Synthetic }).Rule != nil)
}

func TestDuplicateDeliverComesTwiceWithItsBody(t *testing.T) {
	t.Parallel()
	x := onWire(t)
	x.fill(2)
	x.w.Add(Rule{Match: Match{Method: BasicDeliver, Nth: 1}, Action: Duplicate{}})
	c := x.consumer(10)
	for _, want := range []string{"m1", "m1", "m2"} {
		m := x.next(c.deliveries)
		require.Equal(t, want, m.MessageId)
		require.Equal(t, "body of "+want, string(m.Body))
	}
}

func TestDelayHoldsUpWhatIsBehindItUntilRemoved(t *testing.T) {
	t.Parallel()
	x := onWire(t)
	x.fill(2)
	rule := x.w.Add(Rule{Match: Match{Method: BasicDeliver, Nth: 1}, Action: Delay{For: time.Hour}})
	c := x.consumer(10)
	await(t, rule.Hit(), "the hit")
	x.awaitDepth(0, 2, 1)
	require.Empty(t, c.deliveries)
	rule.Remove()
	require.Equal(t, "m1", x.next(c.deliveries).MessageId)
	require.Equal(t, "m2", x.next(c.deliveries).MessageId)
}

func TestCutAroundAnAck(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		cut   Cut
		acked bool
		text  string
	}{
		{"before, reset", Cut{}, false, syscall.ECONNRESET.Error()},
		{"before, FIN", Cut{FIN: true}, false, "EOF"},
		{"mid, reset", Cut{When: Mid, Bytes: 10}, false, syscall.ECONNRESET.Error()},
		{"mid, FIN", Cut{When: Mid, FIN: true}, false, "EOF"},
		{"after, reset", Cut{When: After}, true, syscall.ECONNRESET.Error()},
		{"after, FIN", Cut{When: After, FIN: true}, true, "EOF"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			x := onWire(t)
			x.fill(1)
			rule := x.w.Add(ackRule(1, tt.cut))
			c := x.consumer(1)
			require.NoError(t, x.next(c.deliveries).Ack(false))
			err := await(t, c.connClosed, "the connection's end")
			require.Equal(t, 501, err.Code)
			require.Contains(t, err.Reason, tt.text)
			e := x.seen.await(t, "end", func(e Event) bool { return e.Kind == Closed })
			require.Equal(t, ByRule, e.How)
			require.Same(t, rule, e.Rule)
			require.Equal(t, !tt.acked, x.seen.method(t, ToBroker, BasicAck).Swallowed)
			if tt.acked {
				x.awaitDepth(0, 0, 0)
				return
			}
			x.awaitDepth(1, 0, 0)
			m := x.next(x.consumer(1).deliveries)
			require.True(t, m.Redelivered)
		})
	}
}

// The point of a cut after a frame is that the frame has arrived: every time, not mostly.
func TestCutAfterAckNeverLosesTheAck(t *testing.T) {
	t.Parallel()
	x := onWire(t)
	const n = 40
	x.fill(n)
	x.w.Add(Rule{Match: Match{Dir: ToBroker, Method: BasicAck}, Action: Cut{When: After}})
	acked := map[string]bool{}
	for range n {
		c := x.consumer(1)
		m := x.next(c.deliveries)
		require.False(t, acked[m.MessageId], "%s came again: its ack was lost", m.MessageId)
		acked[m.MessageId] = true
		require.NoError(t, m.Ack(false))
		await(t, c.connClosed, "the end")
	}
	x.awaitDepth(0, 0, 0)
}

// A library may drop a delivery that it holds when the connection ends, so the bytes are looked at.
func TestCutAfterDeliverLetsTheClientHaveIt(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		fin bool
		end error
	}{{true, io.EOF}, {false, syscall.ECONNRESET}} {
		x := newTalk(t, patient)
		x.w.Add(Rule{Match: Match{Method: BasicDeliver, Nth: 1}, Action: Cut{When: After, FIN: tt.fin}})
		x.pass(x.broker, x.client, content(1, BasicDeliver, "m1", 300))
		_, err := x.client.Read(make([]byte, 1))
		require.ErrorIs(t, err, tt.end)
	}
}

func TestCutAfterDeliverGivesItBackToTheQueue(t *testing.T) {
	t.Parallel()
	for _, fin := range []bool{false, true} {
		x := onWire(t)
		x.fill(1)
		x.w.Add(Rule{Match: Match{Method: BasicDeliver, Nth: 1}, Action: Cut{When: After, FIN: fin}})
		c := x.consumer(1)
		await(t, c.connClosed, "the end")
		x.awaitDepth(1, 0, 0)
		require.NoError(t, x.w.Close())
		_, err := x.dialDirect().Channel()
		require.NoError(t, err)
		conn := x.dialDirect()
		_, err = x.channel(conn).QueuePurge(x.queue, false)
		require.NoError(t, err)
		require.NoError(t, conn.Close())
	}
}

func TestCorruptFrameIsAFrameError(t *testing.T) {
	t.Parallel()
	x := onWire(t)
	x.fill(1)
	x.w.Add(ackRule(1, Corrupt{}))
	c := x.consumer(1)
	require.NoError(t, x.next(c.deliveries).Ack(false))
	err := await(t, c.connClosed, "the connection's close")
	require.Equal(t, 501, err.Code)
	require.Contains(t, err.Reason, "FRAME_ERROR")
	x.awaitDepth(1, 0, 0)
}

func TestPhantomRejectClosesTheChannel(t *testing.T) {
	t.Parallel()
	x := onWire(t)
	x.fill(2)
	x.w.Add(Rule{Match: Match{Method: BasicDeliver, Nth: 1}, Action: Phantom{Dir: ToBroker,
		Frame: func(e *Event) []byte { return RejectFrame(e.Chan, 0, false) }}})
	c := x.consumer(1)
	err := await(t, c.chanClosed, "the channel's close")
	require.Equal(t, 406, err.Code)
	require.Equal(t, "PRECONDITION_FAILED - unknown delivery tag 0", err.Reason)
	x.awaitDepth(2, 0, 0)
	e := x.seen.method(t, ToBroker, BasicReject)
	require.True(t, e.Synthetic)
}

func TestStallEverythingUntilRemoved(t *testing.T) {
	t.Parallel()
	x := onWire(t)
	x.fill(2)
	c := x.consumer(1)
	m := x.next(c.deliveries)
	rule := x.w.Add(Rule{Match: Match{Method: Now}, Action: Stall{}})
	require.NoError(t, m.Ack(false)) // goes nowhere
	x.awaitDepth(1, 1, 1)
	rule.Remove()
	require.Equal(t, "m2", x.next(c.deliveries).MessageId)
}

func TestStallOneDirection(t *testing.T) {
	t.Parallel()
	x := onWire(t)
	x.fill(2)
	c := x.consumer(1)
	m := x.next(c.deliveries)
	rule := x.w.Add(Rule{Match: Match{Method: Now}, Action: Stall{Dir: ToClient}})
	require.NoError(t, m.Ack(false)) // arrives: the broker sends the next
	x.awaitDepth(0, 1, 1)
	require.Empty(t, c.deliveries)
	rule.Remove()
	require.Equal(t, "m2", x.next(c.deliveries).MessageId)
}

func TestStalledHeartbeatsEndTheConnection(t *testing.T) {
	t.Parallel()
	x := onWire(t)
	x.w.Add(Rule{Match: Match{Method: Heartbeat, Dir: ToBroker}, Action: Swallow{}})
	conn := x.dialBeat(time.Second)
	closed := conn.NotifyClose(make(chan *amqp.Error, 1))
	await(t, closed, "the broker's patience")
	e := x.seen.await(t, "heartbeat", func(e Event) bool { return e.Kind == HeartbeatSeen && e.Dir == ToBroker })
	require.True(t, e.Swallowed)
	require.Equal(t, ToClient, x.seen.await(t, "end", func(e Event) bool { return e.Kind == Closed }).Dir)
}

func TestStalledBytesEndTheClientByItsOwnHeartbeat(t *testing.T) {
	t.Parallel()
	x := onWire(t)
	conn := x.dialBeat(time.Second)
	closed := conn.NotifyClose(make(chan *amqp.Error, 1))
	// amqp091-go starts to count when it has read something after the handshake.
	x.seen.await(t, "third heartbeat", nth(3, func(e Event) bool { return e.Kind == HeartbeatSeen && e.Dir == ToClient }))
	x.w.Add(Rule{Match: Match{Method: Now}, Action: Stall{Dir: ToClient}})
	require.Contains(t, await(t, closed, "the client's patience").Reason, "timeout")
}
