package flow

import (
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// stuck gives a connection whose other end reads nothing, full to the brim: the next write waits.
func stuck(t *testing.T) *conn {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l := &Listener{Listener: ln, SendBuffer: 4096}
	other, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	c, err := l.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { _, _, _ = c.Close(), other.Close(), ln.Close() })
	own := c.(*conn)
	require.NoError(t, own.SetWriteDeadline(time.Now().Add(200*time.Millisecond)))
	_, err = own.Write(make([]byte, 64<<20))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	return own
}

// ends writes, and gives how long after began that ended.
func ends(t *testing.T, c *conn, began time.Time) time.Duration {
	t.Helper()
	_, err := c.Write(make([]byte, 1<<20))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	return time.Since(began)
}

func TestDeadlineThatIsPutOff(t *testing.T) {
	t.Parallel()
	c := stuck(t)
	in := func(d time.Duration) time.Time { // a write that ends on time ends so long after what it gives
		now := time.Now()
		require.NoError(t, c.SetWriteDeadline(now.Add(d)))
		return now
	}
	began := in(300 * time.Millisecond)
	require.GreaterOrEqual(t, ends(t, c, began), 300*time.Millisecond, "the one of before has passed long since")
	in(50 * time.Millisecond)
	in(300 * time.Millisecond)
	began = in(600 * time.Millisecond)
	require.GreaterOrEqual(t, ends(t, c, began), 600*time.Millisecond, "the last one counts")
	in(time.Hour)
	began = in(50 * time.Millisecond)
	require.Less(t, ends(t, c, began), time.Minute, "also when it is earlier")
	in(50 * time.Millisecond)
	require.NoError(t, c.SetDeadline(time.Time{}))
	done := make(chan time.Duration)
	go func() { done <- ends(t, c, time.Now()) }()
	select {
	case <-done:
		t.Fatal("a write ended without a deadline")
	case <-time.After(200 * time.Millisecond):
	}
	in(-time.Second)
	<-done
}
