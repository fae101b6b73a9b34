package fault

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/link"
	"github.com/comeback-chaos/xk6-comeback/harness/wire"
)

// linked is a bench with one link, to a server that sends back what it gets.
type linked struct {
	*bench
	link *link.Link
}

func (l linked) Links(string) ([]*link.Link, error) { return []*link.Link{l.link}, nil }

func newLinked(t *testing.T) linked {
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
	k, err := link.Listen(link.Config{Name: "broker of consumer/0", Upstream: ln.Addr().String()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, k.Close()) })
	return linked{newBench(t), k}
}

func (l linked) dial(t *testing.T) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", l.link.Addr())
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

func TestLinkIsInEffectAndGone(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]*Link{
		"latency":   {Name: "broker", How: "latency", Delay: script.Duration(1), Jitter: 1},
		"bandwidth": {Name: "broker", How: "bandwidth", Rate: 1000},
		"half-open": {Name: "broker", How: "half-open"},
		"drip":      {Name: "broker", How: "drip", Delay: script.Duration(1), Connections: 1},
		"reset":     {Name: "broker", How: "reset"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLinked(t)
			old := l.dial(t)
			echoed(t, old)
			in, err := f.Inject(t.Context(), l)
			require.NoError(t, err)
			_, err = f.Inject(t.Context(), l)
			require.ErrorContains(t, err, "claimed")
			_, err = in.InEffect(brief(t))
			require.ErrorContains(t, err, "0 bytes to the broker")
			_, err = old.Write([]byte("x"))
			require.NoError(t, err)
			_, err = l.dial(t).Write([]byte("x"))
			require.NoError(t, err)
			seen, err := in.InEffect(t.Context())
			require.NoError(t, err)
			require.Contains(t, seen, "met by "+name)
			require.NoError(t, in.Heal(brief(t)), "also when the run was cancelled")
			gone := make(chan error, 1)
			go func() {
				_, err := in.Gone(t.Context())
				gone <- err
			}()
			fresh := l.dial(t)
			for waiting := true; waiting; {
				echoed(t, fresh)
				select {
				case err := <-gone:
					require.NoError(t, err)
					waiting = false
				default:
				}
			}
		})
	}
}

func TestSlowCloseIsInEffectAndGone(t *testing.T) {
	t.Parallel()
	l := newLinked(t)
	f := &Link{Name: "backend", How: "slow-close", Delay: script.Duration(time.Millisecond), Backend: new(int)}
	in, err := f.Inject(t.Context(), l)
	require.NoError(t, err)
	open := l.dial(t)
	echoed(t, open)
	_, err = in.InEffect(brief(t))
	require.ErrorContains(t, err, "waiting until a connection to the backend is closed", "bytes show nothing")
	require.NoError(t, open.Close())
	seen, err := in.InEffect(t.Context())
	require.NoError(t, err)
	require.Contains(t, seen, "ends of connections to the backend came late")
	require.NoError(t, in.Heal(brief(t)))
	gone := make(chan error, 1)
	go func() {
		_, err := in.Gone(t.Context())
		gone <- err
	}()
	for {
		other := l.dial(t)
		echoed(t, other)
		require.NoError(t, other.Close())
		select {
		case err := <-gone:
			require.NoError(t, err)
			return
		default:
		}
	}
}

func TestLinkOfOneBackend(t *testing.T) {
	t.Parallel()
	all := []*link.Link{{}, {}}
	one, three := 1, 3
	picked, err := ofBackend(all, &one)
	require.NoError(t, err)
	require.Equal(t, all[1:], picked)
	picked, err = ofBackend(all, nil)
	require.NoError(t, err)
	require.Equal(t, all, picked)
	_, err = ofBackend(all, &three)
	require.ErrorContains(t, err, "backend: 3, want 0 to 1")
}

func echoed(t *testing.T, c net.Conn) {
	t.Helper()
	_, err := c.Write([]byte("x"))
	require.NoError(t, err)
	_, err = io.ReadFull(c, make([]byte, 1))
	require.NoError(t, err)
}

func TestLinkRefuses(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]Link{
		`name: "brokr"`:                       {Name: "brokr", How: "half-open"},
		`how: "cut", want latency, bandwidth`: {Name: "api", How: "cut"},
		`delay: 0s, want one above 0`:         {Name: "api", How: "latency"},
		`delay: 1ns, want one above 0`:        {Name: "api", How: "half-open", Delay: 1},
		`jitter: 1ns`:                         {Name: "api", How: "drip", Delay: 1, Jitter: 1},
		`rate: 0, want one above 0`:           {Name: "api", How: "bandwidth"},
		`connections: 2, want none`:           {Name: "api", How: "half-open", Connections: 2},
		`delay: 0s, want one`:                 {Name: "backend", How: "slow-close"},
		`after: 1, want none`:                 {Name: "backend", How: "half-open", After: 1},
		`backend: 0, want none`:               {Name: "api", How: "half-open", Backend: new(int)},
		`instance: 0, want none`:              {Name: "backend", How: "half-open", Instance: new(int)},
	} {
		_, err := f.trouble()
		require.ErrorContains(t, err, want)
	}
}

func TestRefuseWaitsForEach(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	w, err := wire.Listen(t.Context(), wire.Config{Upstream: "127.0.0.1:1", Tap: func(e *wire.Event) {
		if e.Kind == wire.Closed {
			b.Record(&history.Event{Kind: history.ConnClose, Conn: 9, Text: e.How.String() + " "}) // nobody's
		}
	}})
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.Close() })
	b.wires = []*wire.Wire{w}
	in := inject(t, b, &Refuse{})
	_, err = (&Refuse{}).Inject(t.Context(), b)
	require.ErrorContains(t, err, "claimed")
	_, err = in.InEffect(brief(t))
	require.ErrorContains(t, err, "1 of 1 have not")
	require.NoError(t, in.Heal(brief(t)))
	_, err = in.Gone(brief(t))
	require.ErrorContains(t, err, "1 of 1 have not")

	in = inject(t, b, &Refuse{})
	b.Record(&history.Event{Kind: history.ConnClose, Conn: 4, Text: wire.Refused.String() + " "})
	evidence, err := in.InEffect(brief(t))
	require.NoError(t, err)
	require.Equal(t, "consumer/0 was refused", evidence)
	require.NoError(t, in.Heal(brief(t)))
	b.Record(&history.Event{Kind: history.Consume, Conn: 1})
	b.Record(&history.Event{Kind: history.Consume, Conn: 4})
	evidence, err = in.Gone(brief(t))
	require.NoError(t, err)
	require.Equal(t, "consumer/0 consumes again", evidence)
	b.Record(&history.Event{Kind: history.Consume, Conn: 4}) // the watch is closed: see newBench
}

func TestRefuseIsNotGoneWhileOnlyOthersConsume(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	in := inject(t, b, &Refuse{})
	require.NoError(t, in.Heal(brief(t)))
	b.Record(&history.Event{Kind: history.Consume, Conn: 1})
	_, err := in.Gone(brief(t))
	require.ErrorContains(t, err, "consumes again", "the load's own is not the target's")
}

// A way on which there are health checks alone shows nothing: the trouble does not even begin.
func TestWayToABackendThatTakesNothing(t *testing.T) {
	t.Parallel()
	l := newLinked(t)
	l.backends = []Backend{&benchBackend{name: "backend/0"}}
	for name, f := range map[string]*Link{
		"one": {Name: "backend", How: "half-open", Backend: new(int)},
		"all": {Name: "backend", How: "half-open"},
	} {
		_, err := f.Inject(brief(t), l)
		require.ErrorContains(t, err, "waiting until backend/0 takes a request", name)
		require.Empty(t, l.claimed, name)
	}
}
