package wire

import (
	"encoding/binary"
	"errors"
	"io"
	"sync"
	"sync/atomic"
)

// stream walks the frames of one direction of a connection. Whoever has bytes locks it, feeds them,
// and releases it.
type stream struct {
	s   *session
	dir Direction
	out io.Writer

	mu       sync.Mutex
	b        []byte // what is being walked
	start    int    // b[start:q] is to be forwarded, but not written yet
	q        int
	begun    bool     // the protocol header is behind us
	opaque   bool     // not AMQP: pass everything on
	left     uint64   // bytes of the frame under way that are still to come
	dropping bool     // the frame under way is not forwarded
	body     *channel // the frame under way is a body of this channel
	chans    []*channel
	ordinal  uint64 // methods seen
	ev, own  Event  // reused: for frames that came, and for frames of the wire's own

	unparsed atomic.Int64
	sends    sends
	gates    gates
}

var errCut = errors.New("cut by a rule")

// feed walks b, forwards what is decided and gives how many bytes it is done with. The rest must
// come again, with more behind it. The caller holds the lock.
func (t *stream) feed(b []byte) (int, error) {
	t.b, t.start, t.q = b, 0, 0
	defer func() { t.b, t.start, t.q = nil, 0, 0 }()
	if err := t.passGates(); err != nil {
		return 0, err
	}
	for {
		more, err := t.step()
		if err != nil {
			return t.q, err
		}
		if !more {
			return t.q, t.flush()
		}
	}
}

// finish forwards what was held back when the direction has ended: rest is what feed left.
func (t *stream) finish(rest []byte) error {
	if err := t.unpark(); err != nil || len(rest) == 0 {
		return err
	}
	_, err := t.out.Write(rest)
	return err
}

// release gives the lock back. It leaves no frame of the wire's own behind that could be sent now.
func (t *stream) release() error {
	for {
		seen := t.sends.added.Load()
		err := t.drain()
		t.mu.Unlock()
		if err != nil || t.sends.added.Load() == seen || !t.mu.TryLock() {
			return err
		}
	}
}

// flush writes what is decided to pass.
func (t *stream) flush() error {
	b := t.b[t.start:t.q]
	t.start = t.q
	if len(b) == 0 {
		return nil
	}
	_, err := t.out.Write(b)
	return err
}

// step deals with one thing. It is false when it needs more bytes.
func (t *stream) step() (bool, error) {
	rest := t.b[t.q:]
	if t.opaque {
		t.unparsed.Add(int64(len(rest)))
		t.q = len(t.b)
		return false, nil
	}
	if t.left > 0 {
		return t.passOn(rest)
	}
	if t.sends.waiting() {
		if err := t.drain(); err != nil {
			return false, err
		}
	}
	if !t.begun {
		return t.begin(rest)
	}
	if len(rest) < headSize {
		return false, nil
	}
	ch, size := binary.BigEndian.Uint16(rest[1:]), binary.BigEndian.Uint32(rest[3:])
	switch rest[0] {
	case frameMethod:
		return t.method(rest, ch, size)
	case frameHeader:
		return t.header(rest, ch, size)
	case frameBody:
		return true, t.bodyFrame(ch, size)
	case frameHeartbeat:
		return t.heartbeat(rest, ch, size)
	}
	return t.lost("unknown frame type")
}

// begin passes the protocol header. A broker sends one only when it refuses the client's.
func (t *stream) begin(rest []byte) (bool, error) {
	if len(rest) == 0 {
		return false, nil
	}
	if t.dir == ToClient && rest[0] == frameMethod {
		t.begun = true
		return true, nil
	}
	const want = "AMQP"
	for i, b := range rest[:min(len(rest), len(want))] {
		if b != want[i] {
			return t.lost("no protocol header")
		}
	}
	if len(rest) < 8 {
		return false, nil
	}
	t.q += 8
	t.begun = true
	return true, nil
}

// lost gives up parsing for the rest of the connection.
func (t *stream) lost(why string) (bool, error) {
	t.opaque = true
	t.sends.clear()
	t.ev = Event{Conn: t.s.id, Dir: t.dir, Kind: Unparsed, Text: []byte(why)}
	t.s.tell(&t.ev)
	t.s.w.log.Warn("bytes on the wire are not AMQP and are passed on unread",
		"role", t.s.w.cfg.Role, "conn", t.s.id, "direction", t.dir.String(), "why", why)
	if err := t.flush(); err != nil {
		return false, err
	}
	return true, t.unpark()
}

// unpark forwards the methods that wait for a header which will not come any more.
func (t *stream) unpark() error {
	for _, c := range t.chans {
		if c == nil || !c.held {
			continue
		}
		if _, err := t.out.Write(c.parked); err != nil {
			return err
		}
		c.reset()
	}
	return nil
}

// passOn lets the rest of the frame under way go by.
func (t *stream) passOn(rest []byte) (bool, error) {
	if len(rest) == 0 {
		return false, nil
	}
	k := int(min(uint64(len(rest)), t.left))
	if t.body != nil {
		t.body.add(rest[:k])
	}
	t.q += k
	t.left -= uint64(k)
	if t.dropping {
		t.start = t.q
	}
	if t.left > 0 {
		return false, nil
	}
	c := t.body
	t.body, t.dropping = nil, false
	if rest[k-1] != frameEnd {
		return t.lost("no frame-end octet")
	}
	if c != nil && c.left == 0 {
		return true, t.complete(c)
	}
	return true, nil
}

// bodyFrame starts a body frame. Bodies are never kept or waited for: they only pass.
func (t *stream) bodyFrame(ch uint16, size uint32) error {
	t.left = uint64(size) + frameExtra
	c := t.channel(ch)
	if c.left == 0 {
		return nil // nobody announced it: the receiver will object, not us
	}
	c.left -= min(c.left, uint64(size))
	t.body = c
	if c.drop {
		t.dropping = true
		return t.flush()
	}
	return nil
}

func (t *stream) heartbeat(rest []byte, ch uint16, size uint32) (bool, error) {
	if size != 0 || ch != 0 {
		return t.lost("heartbeat with content")
	}
	if len(rest) < frameExtra {
		return false, nil
	}
	if rest[frameExtra-1] != frameEnd {
		return t.lost("no frame-end octet")
	}
	t.ordinal++
	t.ev = Event{Conn: t.s.id, Dir: t.dir, Kind: HeartbeatSeen, Method: Heartbeat}
	return true, t.decide(&t.ev, rest[:frameExtra], frameExtra, nil)
}

func (t *stream) channel(ch uint16) *channel {
	for int(ch) >= len(t.chans) {
		t.chans = append(t.chans, nil)
	}
	c := t.chans[ch]
	if c == nil {
		c = new(channel)
		t.chans[ch] = c
	}
	return c
}
