package wire

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Config is what a Wire is made from. Only Listen needs Upstream.
type Config struct {
	Role     string        // who uses it, for logs: "consumer/0"
	Upstream string        // host:port of the broker
	Tap      Tap           // nil: none
	NextConn func() uint32 // numbers connections over all wires of a run; nil: each wire counts its own from 1
	Seed     uint64        // of the run
	Log      *slog.Logger  // nil: discard

	patience time.Duration // 0: patience
}

// Wire is the way between clients and their broker. Its methods are safe for concurrent use.
type Wire struct {
	cfg   Config
	log   *slog.Logger
	rules atomic.Pointer[[]*Armed] // nil when none is armed
	last  atomic.Uint32

	ctx    context.Context // the wire's own life: dials and held connections end with it
	cancel context.CancelCauseFunc
	ln     net.Listener
	wg     sync.WaitGroup

	mu       sync.Mutex
	upstream string
	sessions map[uint32]*session
	mode     Mode
	changed  chan struct{} // closed and renewed when mode changes
	closed   bool
}

// ErrClosed says that the wire was closed.
var ErrClosed = errors.New("wire: closed")

// New makes a wire without a listener, for Wrap.
func New(c Config) *Wire {
	w := &Wire{cfg: c, log: c.Log, upstream: c.Upstream, sessions: map[uint32]*session{}, changed: make(chan struct{})}
	if w.cfg.patience == 0 {
		w.cfg.patience = patience
	}
	if w.log == nil {
		w.log = slog.New(slog.DiscardHandler)
	}
	w.ctx, w.cancel = context.WithCancelCause(context.Background())
	return w
}

// Listen makes a wire that accepts clients on a free port of 127.0.0.1 and connects each to the
// upstream. It is closed when ctx ends.
func Listen(ctx context.Context, c Config) (*Wire, error) {
	w := New(c)
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("wire for %s: listen on a free port of 127.0.0.1: %w", c.Role, err)
	}
	w.ln = ln
	w.wg.Go(w.accept)
	context.AfterFunc(ctx, func() { _ = w.Close() })
	return w, nil
}

// Addr is the host:port that clients dial; "" without a listener. It never changes.
func (w *Wire) Addr() string {
	if w.ln == nil {
		return ""
	}
	return w.ln.Addr().String()
}

// SetUpstream tells where the broker is for connections accepted from now on.
func (w *Wire) SetUpstream(addr string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.upstream = addr
}

// Close ends the listener and every connection, and waits for the wire's goroutines. Closing twice is harmless.
func (w *Wire) Close() error {
	w.mu.Lock()
	w.closed = true
	w.cancel(ErrClosed)
	live := w.live()
	w.mu.Unlock()
	if w.ln != nil {
		_ = w.ln.Close() // twice is no error worth telling
	}
	for _, s := range live {
		s.closed(Event{How: Shut})
		s.io.cut(Cut{FIN: true}, AnyDirection, 0)
	}
	w.wg.Wait()
	return nil
}

// ConnInfo describes a live connection.
type ConnInfo struct {
	Conn     uint32
	Client   string // address
	Unparsed int64  // bytes that were passed on unread
}

// Conns lists the live connections by number.
func (w *Wire) Conns() []ConnInfo {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []ConnInfo
	for _, s := range w.live() {
		all = append(all, ConnInfo{s.id, s.client, s.up.unparsed.Load() + s.down.unparsed.Load()})
	}
	return all
}

// live gives the sessions by number. The caller holds the lock.
func (w *Wire) live() []*session {
	all := make([]*session, 0, len(w.sessions))
	for _, s := range w.sessions {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *session) int { return int(a.id) - int(b.id) })
	return all
}

// Add arms a rule. It holds from the next frame on, on live connections, too.
func (w *Wire) Add(r Rule) *Armed {
	if r.Count == nil {
		r.Count = new(Count)
	}
	a := &Armed{rule: r, wire: w, count: r.Count, hit: make(chan struct{}), gone: make(chan struct{})}
	w.mu.Lock()
	var list []*Armed
	if old := w.rules.Load(); old != nil {
		list = slices.Clone(*old)
	}
	list = append(list, a)
	w.rules.Store(&list)
	live := w.live()
	w.mu.Unlock()
	if r.Method == Now {
		for _, s := range live {
			s.now(a)
		}
	}
	return a
}

// drop takes a rule out of the list.
func (w *Wire) drop(a *Armed) {
	w.mu.Lock()
	defer w.mu.Unlock()
	old := w.rules.Load()
	if old == nil {
		return
	}
	list := slices.DeleteFunc(slices.Clone(*old), func(b *Armed) bool { return a == b })
	if len(list) == 0 {
		w.rules.Store(nil)
		return
	}
	w.rules.Store(&list)
}

// Inject puts one frame, or several that belong together, into a connection, at the next frame
// boundary of the direction; conn 0 means every live one. It does not wait until they are written.
func (w *Wire) Inject(conn uint32, d Direction, frames []byte) error {
	if d == AnyDirection {
		return errors.New("wire: inject: no direction given: want ToBroker or ToClient")
	}
	for rest := frames; ; {
		var ok bool
		if _, rest, ok = split(rest); !ok {
			return fmt.Errorf("wire: inject: %d bytes are no complete AMQP frames", len(frames))
		}
		if len(rest) == 0 {
			break
		}
	}
	w.mu.Lock()
	live := w.live()
	w.mu.Unlock()
	sent := false
	for _, s := range live {
		if conn == 0 || conn == s.id {
			s.send(Send{d, slices.Clone(frames)}, nil, nil)
			sent = true
		}
	}
	if !sent {
		return fmt.Errorf("wire: inject: connection %d is not live (0 means any)", conn)
	}
	return nil
}

// register takes a session in, and lets the rules act that wait for no frame.
func (w *Wire) register(s *session) bool {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return false
	}
	w.sessions[s.id] = s
	rules := w.rules.Load()
	w.mu.Unlock()
	if rules == nil {
		return true
	}
	for _, a := range *rules {
		if a.rule.Method == Now {
			s.now(a)
		}
	}
	return true
}

func (w *Wire) forget(s *session) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.sessions, s.id)
}

func (w *Wire) number() uint32 {
	if w.cfg.NextConn != nil {
		return w.cfg.NextConn()
	}
	return w.last.Add(1)
}

func (w *Wire) tell(e *Event) {
	if w.cfg.Tap != nil {
		w.cfg.Tap(e)
	}
}
