package wire

import (
	"io"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// talk is a wire with the test on both of its ends.
type talk struct {
	*testing.T
	w              *Wire
	seen           *log
	client, broker net.Conn
}

// newTalk makes one. patience is the wire's, 0 for its default: one that is at an end changes what comes next.
func newTalk(t *testing.T, patience time.Duration) *talk {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = ln.Close() }()
	seen := newLog()
	x := &talk{T: t, seen: seen, w: listen(t, Config{Upstream: ln.Addr().String(), Tap: seen.tap, patience: patience})}
	x.client = dialTo(t, x.w.Addr())
	x.broker, err = ln.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { _ = x.broker.Close() })
	require.NoError(t, x.broker.SetDeadline(time.Now().Add(patient)))
	header := []byte("AMQP\x00\x00\x09\x01")
	x.pass(x.client, x.broker, header)
	x.pass(x.broker, x.client, MethodFrame(0, ConnectionUnblocked))
	return x
}

// say sends frames.
func (x *talk) say(from net.Conn, frames ...[]byte) {
	_, err := from.Write(slices.Concat(frames...))
	require.NoError(x, err)
}

// hear expects exactly these frames next.
func (x *talk) hear(at net.Conn, frames ...[]byte) {
	x.Helper()
	want := slices.Concat(frames...)
	got := make([]byte, len(want))
	_, err := io.ReadFull(at, got)
	require.NoError(x, err)
	require.Equal(x, want, got)
}

func (x *talk) pass(from, to net.Conn, frames ...[]byte) {
	x.Helper()
	x.say(from, frames...)
	x.hear(to, frames...)
}

var (
	fakeClose = CloseChannel{Code: 406, Text: "no"}
	ask       = ChannelCloseFrame(1, 200, "", 0)
	told      = ChannelCloseFrame(1, 406, "no", BasicAck)
	agreed    = ChannelCloseOkFrame(1)
	otherAck  = AckFrame(2, 1, false)
	open      = MethodFrame(1, ChannelOpen, 0)
)

// closingTalk is a talk in which the wire has just asked the broker to close channel 1.
func closingTalk(t *testing.T, patience time.Duration) *talk {
	x := newTalk(t, patience)
	x.w.Add(Rule{Match: Match{Method: BasicAck, Chan: 1, Nth: 1}, Action: fakeClose})
	x.say(x.client, AckFrame(1, 1, false))
	x.hear(x.broker, ask)
	return x
}

func TestPretenceKeepsBothSidesApart(t *testing.T) {
	t.Parallel()
	x := closingTalk(t, patient)
	x.say(x.client, AckFrame(1, 2, false), content(1, BasicPublish, "m1", 300), otherAck)
	x.hear(x.broker, otherAck)                                                // the other channel lives on, this one is mute
	x.pass(x.broker, x.client, content(1, BasicDeliver, "m2", 300), otherAck) // as it may be with a real close
	x.say(x.broker, agreed)
	x.hear(x.client, told)
	x.say(x.client, agreed, open)
	x.hear(x.broker, open)
	x.pass(x.client, x.broker, AckFrame(1, 1, false)) // and the channel's next life is its own
}

func TestPretenceAndTheClientsOwnCloseCross(t *testing.T) {
	t.Parallel()
	x := closingTalk(t, patient)
	x.say(x.client, ChannelCloseFrame(1, 200, "bye", 0))
	x.say(x.client, otherAck)
	x.hear(x.broker, otherAck)
	x.say(x.broker, agreed)
	x.hear(x.client, told, agreed) // a real broker answers both
	x.say(x.client, agreed, open)
	x.hear(x.broker, open)
}

func TestPretenceAndTheClientsLateCloseCross(t *testing.T) {
	t.Parallel()
	x := closingTalk(t, patient)
	x.say(x.broker, agreed)
	x.hear(x.client, told)
	x.say(x.client, ChannelCloseFrame(1, 200, "bye", 0))
	x.hear(x.client, agreed)
	x.say(x.client, agreed, open)
	x.hear(x.broker, open)
}

func TestPretenceAndTheBrokersOwnCloseCross(t *testing.T) {
	t.Parallel()
	x := closingTalk(t, patient)
	x.say(x.broker, ChannelCloseFrame(1, 404, "really", 0))
	x.hear(x.broker, agreed) // the wire agrees for the client
	x.say(x.broker, agreed)
	x.hear(x.client, told)
	x.say(x.client, agreed, open)
	x.hear(x.broker, open)
}

func TestPretenceDoesNotWaitForASilentBroker(t *testing.T) {
	t.Parallel()
	x := closingTalk(t, 0)
	x.hear(x.client, told) // after its patience
	x.say(x.client, agreed)
	x.say(x.broker, content(1, BasicDeliver, "m1", 10), otherAck)
	x.hear(x.client, otherAck) // nothing more of a channel that the client takes for closed
	x.say(x.broker, agreed)
	x.pass(x.client, x.broker, open)
	x.pass(x.broker, x.client, MethodFrame(1, ChannelOpenOk, 0, 0, 0, 0))
}

func TestPretendedConnectionClose(t *testing.T) {
	t.Parallel()
	x := newTalk(t, patient)
	x.w.Add(Rule{Match: Match{Method: BasicDeliver}, Action: CloseConnection{320, "CONNECTION_FORCED"}})
	x.say(x.broker, content(1, BasicDeliver, "m1", 300))
	x.hear(x.broker, ConnectionCloseFrame(200, "", 0))
	x.say(x.client, AckFrame(1, 1, false), open)        // mute
	x.say(x.broker, content(1, BasicDeliver, "m2", 30)) // as it comes behind one that was dropped
	x.say(x.broker, ConnectionCloseOkFrame())
	x.hear(x.client, ConnectionCloseFrame(320, "CONNECTION_FORCED", 0))
	x.say(x.client, ConnectionCloseOkFrame())
	require.NoError(t, x.broker.Close())
	require.NoError(t, readErr(t, x.client))
}

func TestBrokersOwnConnectionCloseWins(t *testing.T) {
	t.Parallel()
	x := newTalk(t, patient)
	x.w.Add(Rule{Match: Match{Method: BasicAck}, Action: CloseConnection{320, "CONNECTION_FORCED"}})
	x.say(x.client, AckFrame(1, 1, false))
	x.hear(x.broker, ConnectionCloseFrame(200, "", 0))
	x.pass(x.broker, x.client, ConnectionCloseFrame(541, "really", 0))
	x.pass(x.client, x.broker, ConnectionCloseOkFrame())
}

func TestPretendedCancelWaitsForTheRightAnswer(t *testing.T) {
	t.Parallel()
	x := newTalk(t, patient)
	x.w.Add(Rule{Match: Match{Method: BasicDeliver, Nth: 1}, Action: CancelConsumer{}})
	x.pass(x.broker, x.client, content(1, BasicDeliver, "m1", 30))
	x.hear(x.broker, CancelFrame(1, "consumer", false))
	x.pass(x.broker, x.client, content(1, BasicDeliver, "m2", 30)) // was under way
	x.pass(x.broker, x.client, MethodFrame(1, BasicCancelOk, short("another")...))
	x.say(x.broker, MethodFrame(1, BasicCancelOk, short("consumer")...))
	x.hear(x.client, CancelFrame(1, "consumer", true))
	x.pass(x.client, x.broker, AckFrame(1, 1, false)) // the channel works on
}
