package consumertest

import (
	"io"
	"net"
	"net/url"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Gate is a way to the broker that can be shut: what goes through it ends then, and who knocks is
// turned away.
type Gate struct {
	URL string // of the broker, through the gate

	broker string
	ln     net.Listener
	mu     sync.Mutex
	shut   bool
	turned int
	conns  map[net.Conn]struct{}
}

// NewGate makes an open gate before the lab's broker.
func (l *Lab) NewGate(t testing.TB) *Gate {
	t.Helper()
	u, err := url.Parse(l.URL)
	require.NoError(t, err)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	g := &Gate{broker: u.Host, ln: ln, conns: map[net.Conn]struct{}{}}
	u.Host = ln.Addr().String()
	g.URL = u.String()
	go g.accept()
	t.Cleanup(func() {
		_ = ln.Close()
		g.Shut()
	})
	return g
}

// Shut ends what goes through, and turns away who knocks.
func (g *Gate) Shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = true
	for c := range g.conns {
		_ = c.Close()
	}
}

// Reset ends what goes through with RSTs. Who knocks may pass.
func (g *Gate) Reset() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for c := range g.conns { // all of them first: the end of one ends its other side
		_ = c.(*net.TCPConn).SetLinger(0)
	}
	for c := range g.conns {
		_ = c.Close()
	}
}

// Open lets everybody pass.
func (g *Gate) Open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = false
}

// Turned is how many were turned away.
func (g *Gate) Turned() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.turned
}

func (g *Gate) accept() {
	for {
		in, err := g.ln.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", g.broker)
		if err != nil || !g.admit(in, out) {
			_ = in.Close()
			continue
		}
		go g.pass(in, out)
		go g.pass(out, in)
	}
}

// admit keeps both ends, unless the gate is shut.
func (g *Gate) admit(in, out net.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		g.turned++
		_ = out.Close()
		return false
	}
	g.conns[in], g.conns[out] = struct{}{}, struct{}{}
	return true
}

func (g *Gate) pass(from, to net.Conn) {
	_, _ = io.Copy(to, from) // its end is all that matters
	_ = from.Close()
	_ = to.Close()
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.conns, from)
}
