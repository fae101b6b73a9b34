package wire

import (
	"net"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What a peer that breaks the protocol sends is passed on, and told as far as it goes.
func TestInterruptedContent(t *testing.T) {
	t.Parallel()
	header := []byte("AMQP\x00\x00\x09\x01")
	data := slices.Concat(header, contentMethod(1, BasicPublish), AckFrame(2, 1, false), // parked …
		ChannelCloseFrame(1, 504, "no header", 0),                                                          // … and given up
		contentHead(1, BasicDeliver, "m1", 100), contentMethod(1, BasicDeliver), contentHeader(1, "m2", 0), // no body
		contentMethod(3, BasicPublish), AckFrame(2, 2, false)) // the end comes before the header
	lines := []string{
		"1/2 to broker basic.ack tag=1",
		`1/1 to broker basic.publish name="key" text="key"`,
		`1/1 to broker channel.close text="no header" code=504`,
		`1/1 to broker basic.deliver tag=7 redelivered id="m1" name="key" text="consumer"`,
		`1/1 to broker basic.deliver tag=7 redelivered id="m2" name="key" text="consumer"`,
		"1/2 to broker basic.ack tag=2",
	}
	out, got := walkPlain(ToBroker, data, nil)
	require.Equal(t, data, out)
	require.Equal(t, lines, got)

	// With a rule armed, what is parked waits, but does not get lost.
	seen := newLog()
	w := New(Config{Tap: seen.tap})
	w.Add(Rule{Match: Match{Conn: 99}, Action: Cut{}})
	out, got = walkAll(w, seen, ToBroker, data, nil)
	require.Equal(t, lines, got)
	require.ElementsMatch(t, data, out)
	require.Equal(t, byChannel(t, data), byChannel(t, out))
}

// A side that still writes to a broker that is gone is reset, as it would be without a wire.
func TestWritingToABrokerThatIsGone(t *testing.T) {
	t.Parallel()
	x := newTalk(t, patient)
	require.NoError(t, x.broker.Close()) // FIN, and a reset for whatever comes after it
	require.NoError(t, readErr(t, x.client))
	require.Eventually(t, func() bool {
		_, err := x.client.Write(HeartbeatFrame())
		return err != nil
	}, patient, time.Millisecond)
	_, err := x.client.Read(make([]byte, 1))
	require.Error(t, err)
	require.Equal(t, FIN, x.seen.await(t, "end", func(e Event) bool { return e.Kind == Closed }).How)
	require.Eventually(t, func() bool { return len(x.w.Conns()) == 0 }, patient, time.Millisecond)
}

func TestWrappedSeesTheBrokersEnd(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		end func(*talk)
		how How
		err error
	}{
		{func(x *talk) { _ = x.broker.Close() }, FIN, nil},
		{func(x *talk) { reset(x.broker.(*net.TCPConn)) }, RST, syscall.ECONNRESET},
	} {
		x := newTalk(t, patient)
		seen := newLog()
		c := New(Config{Tap: seen.tap}).Wrap(x.client)
		x.say(x.broker, BlockedFrame("last words"))
		x.seen.method(t, ToClient, ConnectionBlocked)
		got := make([]byte, len(BlockedFrame("last words")))
		_, err := c.Read(got)
		require.NoError(t, err)
		require.Equal(t, BlockedFrame("last words"), got)
		tt.end(x)
		if err := readErr(t, c); tt.err != nil {
			require.ErrorIs(t, err, tt.err)
		} else {
			require.NoError(t, err)
		}
		require.Equal(t, tt.how, seen.await(t, "end", func(e Event) bool { return e.Kind == Closed }).How)
		require.NoError(t, c.Close())
	}
}
