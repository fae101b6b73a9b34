package wire

import (
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
)

func TestTapTellsEveryMethodOfARun(t *testing.T) {
	t.Parallel()
	x := onWire(t)
	conn := x.dial()
	pub := x.channel(conn)
	require.NoError(t, pub.Confirm(false))
	c, err := pub.PublishWithDeferredConfirm("", x.queue, false, false, message(7))
	require.NoError(t, err)
	require.True(t, c.Wait())
	ch := x.channel(conn)
	d := x.consume(ch, 10)
	m := x.next(d)
	require.NoError(t, m.Nack(false, true))
	m = x.next(d)
	require.True(t, m.Redelivered)
	require.NoError(t, m.Ack(true))
	require.NoError(t, ch.Cancel("tag-"+x.queue, false))
	returned := pub.NotifyReturn(make(chan amqp.Return, 1))
	require.NoError(t, pub.Publish("", "nowhere", true, false, message(8)))
	await(t, returned, "the return")
	require.NoError(t, ch.Reject(99, true))
	x.seen.method(t, ToClient, ChannelClose)
	require.NoError(t, conn.Close())
	x.seen.await(t, "the end", func(e Event) bool { return e.Kind == Closed })

	var lines []string
	for _, e := range x.seen.all() {
		if e.Method>>16 == 60 || e.Method == ChannelClose || e.Kind != MethodSeen {
			lines = append(lines, strings.ReplaceAll(line(e), x.queue, "Q"))
		}
	}
	for _, want := range []string{
		"1 opened",
		`1/1 to broker basic.publish seq=1 id="m7" name="Q" text="Q"`,
		"1/1 to client basic.ack tag=1",
		`1/2 to broker basic.consume name="Q" text="tag-Q"`,
		`1/2 to client basic.deliver tag=1 id="m7" name="Q" text="tag-Q"`,
		"1/2 to broker basic.nack tag=1 requeue",
		`1/2 to client basic.deliver tag=2 redelivered id="m7" name="Q" text="tag-Q"`,
		"1/2 to broker basic.ack tag=2 multiple",
		`1/2 to broker basic.cancel text="tag-Q"`,
		`1/1 to broker basic.publish seq=2 mandatory id="m8" name="nowhere" text="nowhere"`,
		`1/1 to client basic.return id="m8" name="nowhere" text="NO_ROUTE" code=312`,
		"1/2 to broker basic.reject tag=99 requeue",
		`1/2 to client channel.close text="PRECONDITION_FAILED - unknown delivery tag 99" code=406 by=basic.reject`,
	} {
		require.Contains(t, lines, want)
	}
	require.Contains(t, lines[len(lines)-1], "closed FIN")
	require.Eventually(t, func() bool { return len(x.w.Conns()) == 0 }, patient, time.Millisecond)
}

func TestWrapTellsTheSameAsListen(t *testing.T) {
	t.Parallel()
	x := onWire(t)
	run := func(conn *amqp.Connection) {
		ch := x.channel(conn)
		require.NoError(t, ch.Confirm(false))
		for i := 1; i <= 20; i++ {
			c, err := ch.PublishWithDeferredConfirm("", x.queue, false, false, message(i))
			require.NoError(t, err)
			require.True(t, c.Wait())
		}
		d := x.consume(ch, 1)
		for range 20 {
			require.NoError(t, x.next(d).Ack(false))
		}
		require.NoError(t, ch.Cancel("tag-"+x.queue, false))
		require.NoError(t, conn.Close())
	}
	run(x.dial())
	relayed := x.seen

	x.seen = newLog()
	run(x.dialWrapped(New(Config{Tap: x.seen.tap})))
	wrapped := x.seen
	for _, l := range []*log{relayed, wrapped} {
		l.await(t, "the end", func(e Event) bool { return e.Kind == Closed })
	}
	of := func(l *log, d Direction) (lines []string) {
		for _, e := range l.all() {
			if e.Kind == MethodSeen && e.Dir == d {
				lines = append(lines, line(e))
			}
		}
		return lines
	}
	require.Equal(t, of(relayed, ToBroker), of(wrapped, ToBroker))
	require.Equal(t, of(relayed, ToClient), of(wrapped, ToClient))
}
