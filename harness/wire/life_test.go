package wire

import (
	"context"

	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// echo is a stand-in broker that sends back what it gets.
func echo(t *testing.T) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(c, c)
				_ = c.Close()
			}()
		}
	}()
	return ln.Addr().String()
}

func listen(t *testing.T, c Config) *Wire {
	w, err := Listen(t.Context(), c)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.Close()) })
	return w
}

func dialTo(t *testing.T, addr string) net.Conn {
	c, err := net.DialTimeout("tcp", addr, patient)
	require.NoError(t, err)
	require.NoError(t, c.SetDeadline(time.Now().Add(patient)))
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// dialErr gives the error that a client gets from dialling and reading: a reset can come that early.
func dialErr(t *testing.T, addr string) error {
	c, err := net.DialTimeout("tcp", addr, patient)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	require.NoError(t, c.SetDeadline(time.Now().Add(patient)))
	return readErr(t, c)
}

func readErr(t *testing.T, c net.Conn) error {
	_, err := io.ReadAll(c)
	return err
}

func TestRefuseResetsAndHeals(t *testing.T) {
	t.Parallel()
	seen := newLog()
	w := listen(t, Config{Upstream: echo(t), Tap: seen.tap})
	w.Refuse(Refuse)
	require.ErrorIs(t, dialErr(t, w.Addr()), syscall.ECONNRESET)
	require.Equal(t, Refused, seen.await(t, "refused", func(e Event) bool { return e.Kind == Closed }).How)
	w.Refuse(Accept)
	passes(t, dialTo(t, w.Addr()))
}

// passes sends a protocol header through an echoing upstream.
func passes(t *testing.T, c net.Conn) {
	_, err := c.Write([]byte("AMQP\x00\x00\x09\x01"))
	require.NoError(t, err)
	b := make([]byte, 8)
	_, err = io.ReadFull(c, b)
	require.NoError(t, err)
}

func TestHeldConnectionsFollowTheNextMode(t *testing.T) {
	t.Parallel()
	for mode, check := range map[Mode]func(net.Conn){
		Accept: func(c net.Conn) { passes(t, c) },
		Refuse: func(c net.Conn) { require.ErrorIs(t, readErr(t, c), syscall.ECONNRESET) },
	} {
		seen := newLog()
		w := listen(t, Config{Upstream: echo(t), Tap: seen.tap})
		w.Refuse(Hold)
		c := dialTo(t, w.Addr())
		seen.await(t, "open", func(e Event) bool { return e.Kind == Opened })
		require.NoError(t, c.SetReadDeadline(time.Now().Add(20*time.Millisecond)))
		require.ErrorIs(t, readErr(t, c), os.ErrDeadlineExceeded)
		require.NoError(t, c.SetReadDeadline(time.Now().Add(patient)))
		w.Refuse(mode)
		check(c)
	}
}

func TestDialFailureResetsTheClientAndIsTold(t *testing.T) {
	t.Parallel()
	const dead = "127.0.0.1:1" // a port that was free a moment ago may be somebody else's now
	seen := newLog()
	w := listen(t, Config{Upstream: dead, Tap: seen.tap})
	require.ErrorIs(t, dialErr(t, w.Addr()), syscall.ECONNRESET)
	e := seen.await(t, "the end", func(e Event) bool { return e.Kind == Closed })
	require.Equal(t, NoBroker, e.How)
	require.Equal(t, ToClient, e.Dir)
	require.Contains(t, string(e.Text), "connection refused")

	// The address stays, the broker comes back elsewhere.
	addr := w.Addr()
	w.SetUpstream(echo(t))
	require.Equal(t, addr, w.Addr())
	passes(t, dialTo(t, addr))
}

func TestEndsPassThroughAsTheyAre(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		end  func(*net.TCPConn)
		how  How
		err  error
	}{
		{"FIN", func(c *net.TCPConn) { _ = c.Close() }, FIN, nil},
		{"RST", reset, RST, syscall.ECONNRESET},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			defer func() { _ = ln.Close() }()
			seen := newLog()
			w := listen(t, Config{Upstream: ln.Addr().String(), Tap: seen.tap})
			for _, by := range []Direction{ToBroker, ToClient} {
				client := dialTo(t, w.Addr())
				accepted, err := ln.Accept()
				require.NoError(t, err)
				ends, sees := client, accepted
				if by == ToClient {
					ends, sees = accepted, client
				}
				require.NoError(t, accepted.SetDeadline(time.Now().Add(patient)))
				header := []byte("AMQP\x00\x00\x09\x01")
				_, err = client.Write(header)
				require.NoError(t, err)
				_, err = io.ReadFull(accepted, header) // connected all the way: a reset before that is a dial that failed
				require.NoError(t, err)
				tt.end(ends.(*net.TCPConn))
				require.NoError(t, sees.SetReadDeadline(time.Now().Add(patient)))
				if err := readErr(t, sees); tt.err != nil {
					require.ErrorIs(t, err, tt.err)
				} else {
					require.NoError(t, err)
				}
				e := seen.await(t, "the end", nth(int(by), func(e Event) bool { return e.Kind == Closed }))
				require.Equal(t, tt.how, e.How)
				require.Equal(t, by, e.Dir)
				_ = sees.Close()
			}
			require.Eventually(t, func() bool { return len(w.Conns()) == 0 }, patient, time.Millisecond)
		})
	}
}

func TestCloseFreesStalledHeldAndLive(t *testing.T) {
	t.Parallel()
	w := listen(t, Config{Upstream: echo(t)})
	passes(t, dialTo(t, w.Addr()))
	c := dialTo(t, w.Addr())
	passes(t, c)
	rule := w.Add(Rule{Match: Match{Method: Now, Conn: 2}, Action: Stall{}})
	_, err := c.Write(HeartbeatFrame())
	require.NoError(t, err)
	<-rule.Hit()
	w.Refuse(Hold)
	held := dialTo(t, w.Addr())
	require.NoError(t, w.Close())
	require.NoError(t, w.Close())
	require.Empty(t, w.Conns())
	require.Error(t, readErr(t, held))
	rule.Remove()
	rule.Remove()
}

func TestListenEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	w, err := Listen(ctx, Config{Upstream: echo(t)})
	require.NoError(t, err)
	c := dialTo(t, w.Addr())
	passes(t, c)
	cancel()
	_ = readErr(t, c) // ends, one way or the other
	require.NoError(t, w.Close())
}

func TestRulesAreHarmlessOnADyingConnection(t *testing.T) {
	t.Parallel()
	w := listen(t, Config{Upstream: echo(t)})
	for range 20 {
		c := dialTo(t, w.Addr())
		passes(t, c)
		rules := []*Armed{
			w.Add(Rule{Match: Match{Method: Now}, Action: Block{"x"}}),
			w.Add(Rule{Match: Match{Method: Now}, Action: CloseConnection{320, "x"}}),
			w.Add(Rule{Match: Match{Method: Now}, Action: Stall{}}),
			w.Add(Rule{Match: Match{Method: Now}, Action: Cut{}}),
		}
		_ = w.Inject(0, ToBroker, HeartbeatFrame())
		for _, r := range rules {
			r.Remove()
		}
		_ = c.Close()
	}
	require.Eventually(t, func() bool { return len(w.Conns()) == 0 }, patient, time.Millisecond)
}

func TestInject(t *testing.T) {
	t.Parallel()
	w := listen(t, Config{Upstream: echo(t)})
	require.ErrorContains(t, w.Inject(0, ToBroker, HeartbeatFrame()), "not live")
	c := dialTo(t, w.Addr())
	passes(t, c)
	require.ErrorContains(t, w.Inject(1, AnyDirection, HeartbeatFrame()), "no direction")
	require.ErrorContains(t, w.Inject(1, ToClient, []byte("nonsense")), "no complete AMQP frames")
	require.ErrorContains(t, w.Inject(9, ToClient, HeartbeatFrame()), "connection 9 is not live")

	// In the middle of a content it waits for the end of it.
	message := content(3, BasicPublish, "m1", 10)
	_, err := c.Write(message[:len(message)-5])
	require.NoError(t, err)
	got := make([]byte, len(message)-5)
	_, err = io.ReadFull(c, got)
	require.NoError(t, err)
	ack := AckFrame(3, 1, false)
	require.NoError(t, w.Inject(1, ToBroker, ack))
	_, err = c.Write(message[len(message)-5:])
	require.NoError(t, err)
	rest := make([]byte, 5+len(ack))
	_, err = io.ReadFull(c, rest)
	require.NoError(t, err)
	require.Equal(t, append(message[len(message)-5:], ack...), rest)

	// In an idle stream it goes at once.
	require.NoError(t, w.Inject(0, ToClient, HeartbeatFrame()))
	_, err = io.ReadFull(c, rest[:8])
	require.NoError(t, err)
	require.Equal(t, HeartbeatFrame(), rest[:8])
}
