package link

import (
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo is a server that sends back what it gets.
func echo(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	return ln.Addr().String()
}

func listen(t *testing.T) *Link {
	t.Helper()
	l, err := Listen(Config{Name: "test", Upstream: echo(t), Seed: 1})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, l.Close())
		require.NoError(t, l.Close(), "twice")
	})
	return l
}

func dial(t *testing.T, l *Link) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", l.Addr())
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// say sends text and gives what comes back of it within limit.
func say(t *testing.T, c net.Conn, text string, limit time.Duration) string {
	t.Helper()
	_, err := c.Write([]byte(text))
	require.NoError(t, err)
	return hear(t, c, len(text), limit)
}

func hear(t *testing.T, c net.Conn, n int, limit time.Duration) string {
	t.Helper()
	require.NoError(t, c.SetReadDeadline(time.Now().Add(limit)))
	back := make([]byte, n)
	got, err := io.ReadFull(c, back)
	if _, late := errors.AsType[net.Error](err); !late {
		require.NoError(t, err)
	}
	return string(back[:got])
}

const (
	long  = 10 * time.Second
	short = 50 * time.Millisecond
)

func TestPassesUntouched(t *testing.T) {
	t.Parallel()
	l := listen(t)
	require.Equal(t, "test", l.Name())
	require.Equal(t, "hello", say(t, dial(t, l), "hello", long))
	require.Equal(t, int64(5), l.Passed().Up.Load())
	require.Equal(t, int64(5), l.Passed().Down.Load())
}

func TestLatencyHoldsBackAndEnds(t *testing.T) {
	t.Parallel()
	l := listen(t)
	c := dial(t, l)
	require.Equal(t, "a", say(t, c, "a", long))
	begin := time.Now()
	slow := l.Add(Latency{For: 30 * time.Millisecond, Jitter: 10 * time.Millisecond})
	require.Equal(t, "abc", say(t, c, "abc", long))
	require.GreaterOrEqual(t, time.Since(begin), 60*time.Millisecond, "each way")
	require.True(t, slow.Touched().Both())
	require.Equal(t, int64(1), slow.Conns())
	slow.Remove()
	slow.Remove()
	touched := slow.Touched().Up.Load()
	require.Equal(t, "abcd", say(t, c, "abcd", long))
	require.Equal(t, touched, slow.Touched().Up.Load(), "nothing is touched after Remove")
	require.Equal(t, int64(5), l.Passed().Up.Load())
}

func TestRemoveLetsFlowWhatIsHeldBack(t *testing.T) {
	t.Parallel()
	for name, trouble := range map[string]Trouble{"latency": Latency{For: time.Hour}, "bandwidth": Bandwidth{Rate: 1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := listen(t)
			c := dial(t, l)
			a := l.Add(trouble)
			require.Less(t, len(say(t, c, "held back until it is let go", short)), 10)
			a.Remove()
			require.NotEmpty(t, hear(t, c, 10, long))
		})
	}
}

func TestBandwidth(t *testing.T) {
	t.Parallel()
	l := listen(t)
	c := dial(t, l)
	a := l.Add(Bandwidth{Rate: 10_000})
	begin := time.Now()
	text := string(make([]byte, 1000))
	require.Equal(t, text, say(t, c, text, long))
	require.GreaterOrEqual(t, time.Since(begin), 90*time.Millisecond)
	// What a trouble lets through is counted once it has been sent, so the echo may be back before.
	require.Eventually(t, func() bool { return a.Touched().Up.Load() == 1000 }, long, time.Millisecond)
}

func TestHalfOpen(t *testing.T) {
	t.Parallel()
	l := listen(t)
	old := dial(t, l)
	require.Equal(t, "a", say(t, old, "a", long))
	dead := l.Add(HalfOpen{})
	require.Empty(t, say(t, old, "lost", short))
	require.Equal(t, "b", say(t, dial(t, l), "b", long), "a new connection is fine")
	dead.Remove()
	require.Empty(t, say(t, old, "lost as well", short), "what it has taken stays dead")
	require.NoError(t, old.(*net.TCPConn).CloseWrite())
	require.Empty(t, hear(t, old, 1, short), "and nobody hears of the end")
	require.Positive(t, dead.Touched().Up.Load())
}

func TestDrip(t *testing.T) {
	t.Parallel()
	l := listen(t)
	old := dial(t, l)
	require.Equal(t, "a", say(t, old, "a", long))
	drip := l.Add(Drip{Every: 20 * time.Millisecond})
	require.Equal(t, "b", say(t, old, "b", long))
	require.Zero(t, drip.Touched().Up.Load(), "what was there before is not touched")
	begin := time.Now()
	slow := dial(t, l)
	require.Equal(t, "12345", say(t, slow, "12345", long))
	require.GreaterOrEqual(t, time.Since(begin), 100*time.Millisecond)
	drip.Remove()
	begin = time.Now()
	require.Equal(t, "12345", say(t, slow, "12345", long), "what it has taken stays slow")
	require.GreaterOrEqual(t, time.Since(begin), 100*time.Millisecond)
	// The last byte is counted once it has been sent, so its echo may be back before.
	require.Eventually(t, func() bool { return drip.Touched().Up.Load() == 10 }, long, time.Millisecond)
	taken := drip.Touched().Up.Load()
	require.Equal(t, "12345", say(t, dial(t, l), "12345", long))
	require.Equal(t, taken, drip.Touched().Up.Load(), "a new one is fine")
}

func TestReset(t *testing.T) {
	t.Parallel()
	l := listen(t)
	old := dial(t, l)
	require.Equal(t, "a", say(t, old, "a", long))
	cut := l.Add(Reset{After: 5})
	require.Equal(t, "12345", say(t, old, "12345", long), "what came before it was added does not count")
	require.Zero(t, cut.Touched().Down.Load())
	_, err := old.Write([]byte("6"))
	require.NoError(t, err)
	requireReset(t, old, "")
	young := dial(t, l)
	_, err = young.Write([]byte("1234567"))
	require.NoError(t, err)
	requireReset(t, young, "12345")
	require.Equal(t, int64(1+2), cut.Touched().Down.Load())
	require.Zero(t, cut.Touched().Up.Load(), "what was asked for was asked for")
	cut.Remove()
	require.Equal(t, "1234567", say(t, dial(t, l), "1234567", long))
}

// requireReset reads to the end, which must be a reset and no orderly close.
func requireReset(t *testing.T, c net.Conn, before string) {
	t.Helper()
	require.NoError(t, c.SetReadDeadline(time.Now().Add(long)))
	got, err := io.ReadAll(c)
	require.ErrorIs(t, err, syscall.ECONNRESET)
	require.Equal(t, before, string(got))
}

func TestSlowClose(t *testing.T) {
	t.Parallel()
	l := listen(t)
	late := l.Add(SlowClose{For: 100 * time.Millisecond})
	c := dial(t, l)
	require.Equal(t, "a", say(t, c, "a", long), "what is said passes at once")
	begin := time.Now()
	require.NoError(t, c.(*net.TCPConn).CloseWrite())
	require.NoError(t, c.SetReadDeadline(time.Now().Add(long)))
	_, err := c.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
	require.GreaterOrEqual(t, time.Since(begin), 100*time.Millisecond, "the end of the echo, after that of what it echoes")
	require.Positive(t, late.Ends())
	require.Zero(t, l.Ended())
	late.Remove()
	require.NoError(t, dial(t, l).Close())
	require.Eventually(t, func() bool { return l.Ended() > 0 }, long, time.Millisecond)
}

// Of two troubles the older acts, and a link that is closed ends what they hold.
func TestCloseEndsWhatIsHeld(t *testing.T) {
	t.Parallel()
	l := listen(t)
	c := dial(t, l)
	first, second := l.Add(Latency{For: time.Hour}), l.Add(Bandwidth{Rate: 1})
	require.Empty(t, say(t, c, "held", short))
	require.Zero(t, second.Touched().Up.Load())
	require.NoError(t, l.Close())
	_, err := c.Read(make([]byte, 1))
	require.Error(t, err)
	first.Remove()
}
