// Package link is a TCP way between a target and one of its neighbours that can be made bad: late,
// thin, dripping, half-open, cut, or slow to tell of an end. Link is its central type. It is toxiproxy's
// connections with one toxic of our own in each direction, as toxiproxy's own draw from no seed, do not
// tell what they have touched, and act on every connection or none. It knows no AMQP: what needs frames
// is harness/wire's.
package link

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/Shopify/toxiproxy/v2/stream"
	"github.com/Shopify/toxiproxy/v2/toxics"
	"github.com/rs/zerolog"
)

// Config is what a Link is made from.
type Config struct {
	Name     string // of the link, in errors: "broker of consumer/0"
	Upstream string // host:port
	Seed     uint64 // of the run
}

// Link passes connections on to its upstream. Its methods are safe for concurrent use.
type Link struct {
	cfg      Config
	server   *toxiproxy.ApiServer
	proxy    *toxiproxy.Proxy // for its toxics: the sockets are ours
	listener net.Listener
	done     chan struct{} // closed by Close
	once     sync.Once
	served   sync.WaitGroup
	ways     ways

	births atomic.Uint64 // directions of connections, ever
	armed  atomic.Pointer[[]*Armed]
	passed Bytes
	ended  atomic.Int64
	mu     sync.Mutex // held while armed changes
}

// Bytes counts what went to the upstream and what came from it.
type Bytes struct{ Up, Down atomic.Int64 }

// Both tells whether there were some in both directions.
func (b *Bytes) Both() bool { return b.Up.Load() > 0 && b.Down.Load() > 0 }

func (b *Bytes) of(d stream.Direction) *atomic.Int64 {
	if d == stream.Upstream {
		return &b.Up
	}
	return &b.Down
}

// Listen makes a link that accepts connections on a free port of 127.0.0.1, until Close.
func Listen(c Config) (*Link, error) {
	l := &Link{cfg: c, done: make(chan struct{})}
	l.server = toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	l.proxy = toxiproxy.NewProxy(l.server, c.Name, "", c.Upstream)
	toxics.Register(toxicType, new(valve))
	for _, d := range []stream.Direction{stream.Upstream, stream.Downstream} {
		added, err := l.proxy.Toxics.AddToxicJson(strings.NewReader(fmt.Sprintf(`{"type":%q,"stream":%q}`, toxicType, d)))
		if err != nil {
			return nil, fmt.Errorf("link %s: add a toxic to toxiproxy: %w", c.Name, err)
		}
		v := added.Toxic.(*valve)
		v.link, v.dir = l, d
	}
	var err error
	if l.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("link %s: listen on a free port of 127.0.0.1: %w", c.Name, err)
	}
	l.served.Go(l.serve)
	return l, nil
}

// Name is the link's, as it was given.
func (l *Link) Name() string { return l.cfg.Name }

// Addr is the host:port that stands for the upstream.
func (l *Link) Addr() string { return l.listener.Addr().String() }

// Close ends the link and its connections. Closing twice is harmless.
func (l *Link) Close() error {
	l.once.Do(func() {
		_ = l.listener.Close()
		l.served.Wait()
		l.ways.close()
		close(l.done)
	})
	return nil
}

// Passed counts the bytes that no trouble has touched, since the link began.
func (l *Link) Passed() *Bytes { return &l.passed }

// Ended counts the directions of connections whose end was passed on at once, since the link began.
func (l *Link) Ended() int64 { return l.ended.Load() }

// Trouble is one way in which a link is bad: Latency, Bandwidth, HalfOpen, Drip, Reset or SlowClose.
type Trouble interface {
	// takes tells whether a connection is affected.
	takes(f *flow, a *Armed) bool
	// lasts tells whether a connection that was taken stays so when the trouble is removed.
	lasts() bool
	// pass deals with a chunk of a connection that was taken, and is false when the connection is over.
	pass(f *flow, c *stream.StreamChunk) bool
}

// holder is trouble that holds up the end of a connection, too.
type holder interface {
	// hold returns when the receiver may hear of it; false: never, as the link was closed.
	hold(f *flow) bool
}

// Armed is trouble in force.
type Armed struct {
	link    *Link
	trouble Trouble
	from    uint64        // what was born up to this was there before
	until   atomic.Uint64 // the last that was born before Remove; 0: not removed yet
	gone    chan struct{} // closed by Remove
	once    sync.Once
	touched Bytes
	conns   atomic.Int64
	ends    atomic.Int64
}

// Add makes the link bad, from the next byte on. Of several troubles that take a connection the oldest acts.
func (l *Link) Add(t Trouble) *Armed {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := &Armed{link: l, trouble: t, from: l.births.Load(), gone: make(chan struct{})}
	l.store(append(l.list(), a))
	return a
}

// Remove ends the trouble: what it held back flows at once. A connection that HalfOpen or Drip has
// taken stays taken. Removing twice is harmless.
func (a *Armed) Remove() {
	a.once.Do(func() {
		l := a.link
		l.mu.Lock()
		defer l.mu.Unlock()
		a.until.Store(max(l.births.Load(), 1))
		close(a.gone)
		if a.trouble.lasts() {
			return
		}
		var rest []*Armed
		for _, b := range l.list() {
			if a != b {
				rest = append(rest, b)
			}
		}
		l.store(rest)
	})
}

// Touched counts the bytes that the trouble has acted on.
func (a *Armed) Touched() *Bytes { return &a.touched }

// Conns counts the connections whose upstream's bytes it has acted on.
func (a *Armed) Conns() int64 { return a.conns.Load() }

// Ends counts the ends of connections that it has held up, in either direction.
func (a *Armed) Ends() int64 { return a.ends.Load() }

// list is a copy of what is armed, with room for one more.
func (l *Link) list() []*Armed {
	if p := l.armed.Load(); p != nil {
		return append(make([]*Armed, 0, len(*p)+1), *p...)
	}
	return nil
}

func (l *Link) store(all []*Armed) { l.armed.Store(&all) }

// taker gives what takes a connection, nil when nothing does.
func (l *Link) taker(f *flow) *Armed {
	p := l.armed.Load()
	if p == nil {
		return nil
	}
	for _, a := range *p {
		if a.trouble.takes(f, a) {
			return a
		}
	}
	return nil
}
