package wire

import (
	"sync"
	"sync/atomic"
	"time"
)

// session is one connection: two streams and the sockets under them.
type session struct {
	id     uint32
	w      *Wire
	client string // the client's address
	up     stream // to the broker
	down   stream // to the client
	io     transport
	done   chan struct{} // closed when the connection is over for good

	deaf      atomic.Bool // cut: what still comes is not told
	endOnce   sync.Once
	closeOnce sync.Once

	confirms   confirms
	mu         sync.Mutex
	pretences  []*pretence
	pretending atomic.Int32
}

// transport is what differs between a connection that the wire relays and one that it wraps.
type transport interface {
	// cut ends the connection after bytes of channel ch went in direction d.
	cut(c Cut, d Direction, ch uint16)
	// wrote tells that frames of the wire's own were put into d.
	wrote(d Direction)
	// deadline gives a channel that is closed when waiting in direction d must end, or nil.
	deadline(d Direction) <-chan struct{}
}

func newSession(w *Wire, client string) *session {
	s := &session{id: w.number(), w: w, client: client, done: make(chan struct{})}
	s.up.s, s.up.dir = s, ToBroker
	s.down.s, s.down.dir = s, ToClient
	return s
}

func (s *session) stream(d Direction) *stream {
	if d == ToBroker {
		return &s.up
	}
	return &s.down
}

// meddled tells whether anything but passing on may have to be done with a frame.
func (s *session) meddled() bool {
	return s.w.rules.Load() != nil || s.pretending.Load() > 0 || s.confirms.used.Load()
}

// send puts frames into a direction: now if its stream is idle, else at its next frame boundary.
func (s *session) send(f Send, a *Armed, before func() bool) {
	if len(f.Frame) < frameExtra {
		return
	}
	t := s.stream(f.Dir)
	t.sends.add(sending{f.Frame, a, before})
	s.kick(t)
}

// kick sends what waits in t, unless its lock is held: then the holder does it on release.
func (s *session) kick(t *stream) {
	if t.mu.TryLock() {
		t.b, t.start, t.q = nil, 0, 0
		_ = t.release() // a dead socket is found by whoever reads from it
	}
}

// now lets a rule act without a frame.
func (s *session) now(a *Armed) {
	e := Event{Conn: s.id, Kind: MethodSeen, Method: Now}
	if !a.picks(&e, 0) || !a.strike() {
		return
	}
	if a.rule.Action == nil {
		return
	}
	var p Plan
	a.rule.Action.Plan(&e, &p)
	for _, d := range p.Stall {
		s.stream(d).gates.add(a.gone)
	}
	if p.Pretend != nil {
		s.begin(p.Pretend, a, nil)
	}
	for _, f := range p.Send {
		s.send(f, a, nil)
	}
	if p.Cut != nil {
		s.cut(*p.Cut, AnyDirection, 0, a)
	}
}

// wait holds direction d up for so long, or until c is closed. It fails when the connection ends first.
func (s *session) wait(d Direction, limit time.Duration, c <-chan struct{}) error {
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-c:
		return nil
	case <-s.done:
		return errCut
	case <-s.io.deadline(d):
		return errDeadline
	}
}

// cut ends the connection by a rule.
func (s *session) cut(c Cut, d Direction, ch uint16, a *Armed) {
	s.closed(Event{How: ByRule, Rule: a})
	s.deaf.Store(true)
	s.io.cut(c, d, ch)
}

// barrier runs then when the broker has dealt with everything that was sent to it on a channel so
// far: it asks for a flow that is on already. RabbitMQ can drop an ack that a close follows at once.
func (s *session) barrier(ch uint16, then func()) {
	s.begin(&Pretence{Ask: MethodFrame(ch, ChannelFlow, 1), Answer: ChannelFlowOk}, nil, then)
}

// tell tells the tap, unless the connection was cut.
func (s *session) tell(e *Event) {
	if !s.deaf.Load() {
		s.w.tell(e)
	}
}

// closed reports the connection's end; the first report counts.
func (s *session) closed(e Event) {
	s.closeOnce.Do(func() {
		e.Conn, e.Kind = s.id, Closed
		e.N = s.up.unparsed.Load() + s.down.unparsed.Load()
		s.w.tell(&e)
	})
}

// end frees everybody who waits on the connection.
func (s *session) end() {
	s.endOnce.Do(func() {
		close(s.done)
		s.w.forget(s)
	})
}
