package link

import (
	"net"
	"sync"
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"
)

// way is a connection through a link: the sockets of both its ends. They are ours and not toxiproxy's, since
// nothing but a socket can reset a connection.
type way struct{ client, upstream *end }

// reset closes both ends without a word of what is still on its way.
func (w *way) reset() {
	for _, e := range []*end{w.client, w.upstream} {
		_ = e.SetLinger(0) // it has been closed already if it cannot
		_ = e.Close()
	}
}

// end is a socket that says when it is closed.
type end struct {
	*net.TCPConn
	of *ways
}

// Close implements io.Closer.
func (e *end) Close() error {
	e.of.mu.Lock()
	delete(e.of.open, e)
	e.of.mu.Unlock()
	return e.TCPConn.Close()
}

// ways are the connections through a link.
type ways struct {
	next *way // the one that is being joined: of serve alone

	mu   sync.Mutex
	open map[*end]bool
}

// add makes an end of a socket.
func (w *ways) add(c net.Conn) *end {
	e := &end{c.(*net.TCPConn), w}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open == nil {
		w.open = map[*end]bool{}
	}
	w.open[e] = true
	return e
}

func (w *ways) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for e := range w.open {
		_ = e.TCPConn.Close()
	}
	clear(w.open)
}

// dialLimit bounds the wait for an upstream that stands still with a full backlog, and so Close.
const dialLimit = 5 * time.Second

// serve joins each client with the upstream until the link is closed. Where the upstream takes no connection the
// client's is closed.
func (l *Link) serve() {
	for {
		client, err := l.listener.Accept()
		if err != nil {
			return
		}
		upstream, err := net.DialTimeout("tcp", l.cfg.Upstream, dialLimit)
		if err != nil {
			_ = client.Close()
			continue
		}
		w := &way{client: l.ways.add(client), upstream: l.ways.add(upstream)}
		l.ways.next = w // toxiproxy makes the flows' states before StartLink returns
		name := client.RemoteAddr().String()
		l.proxy.Toxics.StartLink(l.server, name+"upstream", w.client, w.upstream, stream.Upstream)
		l.proxy.Toxics.StartLink(l.server, name+"downstream", w.upstream, w.client, stream.Downstream)
	}
}
