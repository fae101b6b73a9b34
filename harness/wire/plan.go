package wire

import "time"

// Action decides what becomes of a frame that its rule has matched. It runs inline, on the goroutine
// that moves the bytes: it only plans, and the wire carries the plan out.
type Action interface {
	Plan(e *Event, p *Plan)
}

// Plan is what becomes of a frame. The wire goes through it in the order of the fields. The zero
// Plan forwards the frame as it is.
type Plan struct {
	Stall   []Direction               // these directions of the connection stand still until the rule is removed
	Wait    time.Duration             // hold the frame, and all that comes behind it, for so long
	Drop    bool                      // do not forward the frame, nor the content that belongs to it
	Replace func(frame []byte) []byte // forward this instead; it gets a copy of the method's frame, and of the header's where there is one
	Twice   bool                      // forward the frame, and its content, a second time
	Pretend *Pretence                 // close in the broker's place
	Late    bool                      // with Pretend: the frame, and its content, reach the client all the same, behind what it is told
	Whole   func(content []byte) Send // gets the complete content, body included, when it has passed or been dropped; what it gives is sent
	Send    []Send                    // frames of the wire's own, after the frame and its content
	Cut     *Cut                      // end the connection
}

// Send is frames that the wire puts into a direction of its own accord, at the next frame boundary
// at which the channel of the first one is not in the middle of a message.
type Send struct {
	Dir   Direction
	Frame []byte // one frame or several
}

// Pretence makes the client believe that the broker has ended something, and the broker that the
// client has: Ask goes to the broker, and when its Answer comes the client gets Tell in its stead.
// So the broker's own state is what it would be if it had sent Tell itself (what was unacked is requeued), and
// neither side hears a frame that it does not expect.
type Pretence struct {
	Ask    []byte // channel.close, connection.close or basic.cancel, to the broker
	Answer Method // the method with which the broker answers Ask
	Tag    []byte // basic.cancel-ok: of this consumer tag
	Tell   []byte // to the client
	Mute   bool   // from now on nothing of the broker's but Tell reaches the client: a frame of its was dropped, and what comes behind would show a gap
}
