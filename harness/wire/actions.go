package wire

import "time"

// Swallow drops the frame, with its content. A swallowed publish is never confirmed, and the
// confirms of later ones keep their numbers. With Match.Method Heartbeat it stalls heartbeats.
type Swallow struct{}

// Plan implements Action.
func (Swallow) Plan(_ *Event, p *Plan) { p.Drop = true }

// Delay holds the frame back, and with it everything behind it in the same direction (bytes cannot
// overtake in TCP). Jitter adds a share of itself, decided by the seed and the message's identity.
type Delay struct {
	For    time.Duration
	Jitter time.Duration
	Seed   uint64
}

// Plan implements Action.
func (d Delay) Plan(e *Event, p *Plan) {
	p.Wait = d.For
	if d.Jitter > 0 {
		p.Wait += time.Duration(chance(d.Seed, "jitter", e, e.Seq) * float64(d.Jitter))
	}
}

// Duplicate forwards the frame twice, with its content. An ack twice is a 406; a publish twice
// is two messages in the queue of which the client sees one confirm.
type Duplicate struct{}

// Plan implements Action.
func (Duplicate) Plan(_ *Event, p *Plan) { p.Twice = true }

// When says where a Cut falls.
type When uint8

// The places for a Cut.
const (
	Before When = iota // the frame is not forwarded
	Mid                // the frame's first Bytes are forwarded
	After              // the frame is forwarded, with its content
)

// Cut ends the connection on both sides. What was forwarded is not lost with it: the wire waits, for
// a bounded time, until the client's kernel has it, or, after a frame to the broker, until the broker
// has dealt with it (the client's side is cut at once). Nothing of the connection is told after its Closed event.
type Cut struct {
	When  When
	Bytes int  // Mid: how many; 0 means half
	FIN   bool // end in order instead of with a reset
}

// Plan implements Action.
func (c Cut) Plan(_ *Event, p *Plan) { p.Cut = &c }

// Stall makes the connection stand still, without closing it, until the rule is removed; then all
// of it flows again. The frame that it matched is held, too, if its own direction is stalled.
type Stall struct {
	Dir Direction // AnyDirection: both
}

// Plan implements Action.
func (s Stall) Plan(_ *Event, p *Plan) {
	if s.Dir == AnyDirection {
		p.Stall = []Direction{ToBroker, ToClient}
		return
	}
	p.Stall = []Direction{s.Dir}
}

// Corrupt flips bits of one byte of the method's frame (of the header's, too, where there is one).
// The zero value damages the frame-end octet, which a broker answers with connection.close 501.
type Corrupt struct {
	FromEnd int  // distance from the last byte
	Mask    byte // bits to flip; 0 means all
}

// Plan implements Action.
func (c Corrupt) Plan(_ *Event, p *Plan) {
	mask := c.Mask
	if mask == 0 {
		mask = 0xff
	}
	p.Replace = func(frame []byte) []byte {
		frame[max(0, len(frame)-1-max(0, c.FromEnd))] ^= mask
		return frame
	}
}

// Phantom puts a frame on the wire that neither side sent, after the frame that it matched: a
// reject of tag 0, a second ack, a cancel. Frame builds it for the event's channel.
type Phantom struct {
	Dir     Direction
	Frame   func(e *Event) []byte
	Instead bool // the frame that it matched is dropped
}

// Plan implements Action.
func (a Phantom) Plan(e *Event, p *Plan) {
	p.Drop = a.Instead
	p.Send = []Send{{a.Dir, a.Frame(e)}}
}
