package guard_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/guard"
)

// crowded is a guarded server with room for so many connections. A request that wants an upgrade gets one.
func crowded(t *testing.T, most int) (*site, *guard.Listener) {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l := &guard.Listener{Listener: inner, Crowd: guard.Crowd{Most: most, RetryAfter: 2500 * time.Millisecond}}
	server := &http.Server{ConnState: guard.Hijacked, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" {
			return
		}
		if conn, rw, err := http.NewResponseController(w).Hijack(); err == nil {
			_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\n\r\n")
			_, _ = io.Copy(conn, rw)
			_ = conn.Close()
		}
	})}
	done := make(chan error)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() {
		_ = server.Close()
		require.ErrorIs(t, <-done, http.ErrServerClosed)
	})
	return &site{address: inner.Addr().String()}, l
}

// get sends a request and gives its answer, with the body read.
func get(t *testing.T, c net.Conn, in *bufio.Reader, fields string) (*http.Response, string) {
	t.Helper()
	_, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n"+fields+"\r\n")
	require.NoError(t, err)
	res, err := http.ReadResponse(in, nil)
	require.NoError(t, err)
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	return res, string(body)
}

func TestNoRoom(t *testing.T) {
	t.Parallel()
	s, l := crowded(t, 2)
	open := func(n int64) {
		t.Helper()
		require.Eventually(t, func() bool { return l.Open.Load() == n }, 10*time.Second, time.Millisecond, "%d connections", n)
	}
	first, in := s.dial(t)
	res, _ := get(t, first, in, "")
	require.Equal(t, 200, res.StatusCode)
	tunnel, out := s.dial(t)
	_, err := io.WriteString(tunnel, "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
	require.NoError(t, err)
	line, err := out.ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, line, "101")
	open(2)
	for range 3 {
		third, in := s.dial(t)
		res, body := get(t, third, in, "X: "+strings.Repeat("x", 10_000)+"\r\n")
		require.Equal(t, 503, res.StatusCode)
		require.Equal(t, "3", res.Header.Get("Retry-After"), "in whole seconds, and not too soon")
		require.True(t, res.Close)
		require.Equal(t, "too many connections\n", body)
		_, err := in.ReadByte()
		require.ErrorIs(t, err, io.EOF)
		require.NoError(t, third.Close())
	}
	require.EqualValues(t, 3, l.Turned.Load())
	res, _ = get(t, first, in, "")
	require.Equal(t, 200, res.StatusCode, "who is in stays in")
	open(2)

	require.NoError(t, tunnel.Close())
	open(1)
	next, in2 := s.dial(t)
	res, _ = get(t, next, in2, "")
	require.Equal(t, 200, res.StatusCode)
	require.NoError(t, first.Close())
	require.NoError(t, next.Close())
	open(0)
}

func TestRoomWithoutEnd(t *testing.T) {
	t.Parallel()
	s, l := crowded(t, 0)
	for range 30 {
		c, in := s.dial(t)
		res, _ := get(t, c, in, "")
		require.Equal(t, 200, res.StatusCode)
	}
	require.EqualValues(t, 30, l.Open.Load())
	require.Zero(t, l.Turned.Load())
}

// Those who are turned away cost little, too: a hundred are told at a time, for half a second at most.
func TestCrowdAtTheDoor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
		l := &guard.Listener{Listener: p, Crowd: guard.Crowd{Most: 1}}
		done := make(chan error, 1)
		go func() {
			in, err := l.Accept()
			if err == nil {
				defer in.Close()
				_, err = l.Accept() // there is no room: nobody comes in
			}
			done <- err
		}()
		var ends []net.Conn
		knock := func() net.Conn {
			ours, theirs := net.Pipe()
			ends = append(ends, ours)
			p.conns <- theirs
			return ours
		}
		knock()
		for range 100 {
			knock() // and reads nothing of what it is told
		}
		began := time.Now()
		_, err := knock().Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
		require.Zero(t, time.Since(began), "one more is not told anything")
		time.Sleep(time.Second) // of the bubble
		told := knock()
		n, err := told.Read(make([]byte, 12))
		require.NoError(t, err)
		require.Equal(t, 12, n, "there is time for others by then")
		require.EqualValues(t, 102, l.Turned.Load())
		require.NoError(t, l.Close())
		require.ErrorIs(t, <-done, net.ErrClosed)
		synctest.Wait()
		require.Zero(t, l.Open.Load())
		for _, c := range ends {
			_ = c.Close()
		}
	})
}
