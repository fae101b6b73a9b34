package load

import (
	"encoding/binary"
	"strconv"
)

// answers follows the bytes that come from the broker and reports the confirms and returns of one
// channel. It keeps at most one frame, skips what it does not want, and stops at the first bytes that
// are no AMQP: the client library reads the same bytes and ends the connection.
type answers struct {
	channel uint16
	events  events

	part   []byte // the beginning of a frame that came in pieces
	skip   int    // bytes to come of a frame that is not wanted
	header bool   // a basic.return was seen: its content header is next
	text   string // its reply text
	broken bool
}

// keepLimit is the largest frame that is read whole; a larger one is skipped.
const keepLimit = 128 << 10

const prefix = 7 // bytes before a frame's payload

// feed takes the next bytes, cut anywhere.
func (a *answers) feed(p []byte) {
	for len(p) > 0 && !a.broken {
		switch {
		case a.skip > 0:
			n := min(a.skip, len(p))
			a.skip -= n
			p = p[n:]
		case len(a.part) > 0:
			p = a.complete(p)
		default:
			n := a.frame(p)
			if n == 0 {
				a.part = append(a.part, p...)
				return
			}
			p = p[n:]
		}
	}
}

// complete adds to the frame in pieces what it still needs and returns the rest of p.
func (a *answers) complete(p []byte) []byte {
	want := prefix
	if len(a.part) >= prefix {
		want = frameSize(a.part)
	}
	n := min(want-len(a.part), len(p))
	a.part = append(a.part, p[:n]...)
	if a.frame(a.part) > 0 {
		a.part = a.part[:0]
	}
	return p[n:]
}

// frame looks at the frame that p begins with. It returns how many bytes of p belong to it, or 0 when
// the frame is wanted and not complete. What is not in p of an unwanted frame is left to skip.
func (a *answers) frame(p []byte) int {
	if len(p) < prefix {
		return 0
	}
	size := frameSize(p)
	kind, channel := p[0], binary.BigEndian.Uint16(p[1:])
	wanted := channel == a.channel && (kind == frameMethod || kind == frameHeader && a.header)
	if !wanted || size > keepLimit {
		n := min(size, len(p))
		a.skip = size - n
		return n
	}
	if len(p) < size {
		return 0
	}
	if p[size-1] != frameEnd {
		a.broken = true
		return size
	}
	if kind == frameHeader {
		a.content(p[prefix : size-1])
	} else {
		a.method(p[prefix : size-1])
	}
	return size
}

func (a *answers) method(p []byte) {
	if len(p) < 4 {
		return
	}
	id, p := binary.BigEndian.Uint32(p), p[4:]
	a.header = false
	switch {
	case (id == basicAck || id == basicNack) && len(p) >= 9:
		a.events.confirmed(binary.BigEndian.Uint64(p), p[8]&1 != 0, id == basicAck)
	case id == basicReturn && len(p) >= 3 && len(p) >= 3+int(p[2]): // code, text
		a.header, a.text = true, string(p[3:3+int(p[2])])
	}
}

func (a *answers) content(p []byte) {
	a.header = false
	if id, ok := messageID(p); ok {
		a.events.bounced(id, a.text)
	}
}

func frameSize(p []byte) int { return int(binary.BigEndian.Uint32(p[3:])) + frameExtra }

// messageID finds the number in the message-id "m<number>" of a content header.
func messageID(p []byte) (uint64, bool) {
	if len(p) < 14 {
		return 0, false
	}
	flags, p := binary.BigEndian.Uint16(p[12:]), p[14:]
	for bit := uint16(hasContentType); bit >= hasMessageID; bit >>= 1 {
		if flags&bit == 0 {
			continue
		}
		n, ok := propertySize(bit, p)
		if !ok || n > len(p) {
			return 0, false
		}
		if bit == hasMessageID {
			return parseID(p[1:n])
		}
		p = p[n:]
	}
	return 0, false
}

func propertySize(bit uint16, p []byte) (int, bool) {
	switch {
	case bit == hasDeliveryMode || bit == hasPriority:
		return 1, true
	case bit == hasHeaders && len(p) >= 4:
		return 4 + int(binary.BigEndian.Uint32(p)), true
	case bit != hasHeaders && len(p) >= 1:
		return 1 + int(p[0]), true
	}
	return 0, false
}

func parseID(s []byte) (uint64, bool) {
	if len(s) < 2 || s[0] != 'm' {
		return 0, false
	}
	id, err := strconv.ParseUint(string(s[1:]), 10, 64)
	return id, err == nil
}
