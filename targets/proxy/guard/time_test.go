package guard_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/guard"
)

// pipes is a listener without a network, for a bubble.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// client is one end of a connection to a guarded server. What it writes beside the test goes through Go.
type client struct {
	net.Conn
	sync.WaitGroup
	answers *bufio.Reader
}

// timed has a client talk to a server with limits, in a time of their own.
func timed(t *testing.T, l guard.Limits, h http.Handler, talk func(*testing.T, *client)) {
	synctest.Test(t, func(t *testing.T) {
		p := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
		server := &http.Server{Handler: guard.NewHandler(l, h), ConnState: guard.Hijacked}
		l.Server(server)
		done := make(chan error)
		go func() { done <- server.Serve(&guard.Listener{Listener: p}) }()
		ours, theirs := net.Pipe()
		p.conns <- theirs
		c := &client{Conn: ours, answers: bufio.NewReader(ours)}
		talk(t, c)
		_ = ours.Close()
		c.Wait()
		_ = server.Close()
		require.ErrorIs(t, <-done, http.ErrServerClosed)
	})
}

func TestSlowHead(t *testing.T) {
	t.Parallel()
	timed(t, guard.Limits{Head: 10 * time.Second}, echo, func(t *testing.T, c *client) {
		began := time.Now()
		c.Go(func() {
			_, err := io.WriteString(c, head)
			for err == nil { // a little now and then
				time.Sleep(time.Second)
				_, err = io.WriteString(c, "X: y\r\n")
			}
		})
		_, err := io.ReadAll(c.answers)
		require.NoError(t, err)
		require.Equal(t, 10*time.Second, time.Since(began))
	})
}

func TestIdleConnection(t *testing.T) {
	t.Parallel()
	timed(t, guard.Limits{Idle: time.Minute}, echo, func(t *testing.T, c *client) {
		_, err := io.WriteString(c, head+"\r\n")
		require.NoError(t, err)
		status, _ := answer(t, c.answers)
		require.Equal(t, 200, status)
		began := time.Now()
		_, err = c.answers.ReadByte()
		require.ErrorIs(t, err, io.EOF)
		require.Equal(t, time.Minute, time.Since(began))
	})
}

// A body that comes slower than the rate is cut, up to a second late; one that keeps up may take as long as it does.
func TestSlowBody(t *testing.T) {
	t.Parallel()
	for name, k := range map[string]struct {
		each   int // bytes a second
		status int
		after  time.Duration
	}{
		"next to nothing": {1, 408, 11 * time.Second},
		"too slow":        {90, 408, 100 * time.Second},
		"just so":         {101, 200, 1000 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			timed(t, guard.Limits{Grace: 10 * time.Second, Rate: 100}, echo, func(t *testing.T, c *client) {
				began := time.Now()
				c.Go(func() {
					_, err := io.WriteString(c, head+"Content-Length: 101000\r\n\r\n")
					for sent := 0; err == nil && sent < 101_000; sent += k.each {
						time.Sleep(time.Second)
						_, err = io.WriteString(c, strings.Repeat("x", k.each))
					}
				})
				status, _ := answer(t, c.answers)
				require.Equal(t, k.status, status)
				require.InDelta(t, k.after, time.Since(began), float64(10*time.Second))
			})
		})
	}
}

// The limit of a body ends with the body: an answer may take longer.
func TestSlowAnswer(t *testing.T) {
	t.Parallel()
	slow := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-r.Context().Done():
			w.WriteHeader(500)
		case <-time.After(time.Hour):
		}
	})
	timed(t, guard.Limits{Grace: 10 * time.Second}, slow, func(t *testing.T, c *client) {
		_, err := io.WriteString(c, head+"Content-Length: 5\r\n\r\nhello")
		require.NoError(t, err)
		status, _ := answer(t, c.answers)
		require.Equal(t, 200, status)
	})
}
