package history

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// decoder is the encoder's mirror.
type decoder struct {
	names []string
	at    uint64
	last  [kinds]previous
	who   [kinds]string
	rest  []byte
	newer bool // the file's minor version is above ours
	bad   string
}

// begin starts on a block's payload and tells what is wrong with it, "" when nothing is.
func (d *decoder) begin(payload []byte) string {
	d.rest, d.bad = payload, ""
	d.last = [kinds]previous{}
	d.who = [kinds]string{}
	d.at = d.uvarint()
	if d.at > math.MaxInt64 {
		d.bad = "base time out of range"
	}
	return d.bad
}

func (d *decoder) more() bool { return len(d.rest) > 0 }

// unknownKind is the error of a kind that this version has no name for.
type unknownKind uint8

func (k unknownKind) Error() string {
	return fmt.Sprintf("event kind %d is not known to format %d.%d", uint8(k), major, minor)
}

func (k unknownKind) Unwrap() error { return ErrVersion }

// event reads the next event into e.
func (d *decoder) event(e *Event) error {
	if len(d.rest) < 2 {
		return d.fail("event cut short")
	}
	kind, mask := Kind(d.rest[0]&^hasText), d.rest[1]
	text := d.rest[0]&hasText != 0
	d.rest = d.rest[2:]
	if kind == 0 || kind >= kinds {
		if kind != 0 && d.newer {
			return unknownKind(kind)
		}
		return d.fail(fmt.Sprintf("no such event kind: %d", kind))
	}
	delta := d.uvarint()
	if delta > math.MaxInt64-d.at {
		return d.fail("time out of range")
	}
	d.at += delta
	d.fields(kind, mask)
	p := &d.last[kind]
	*e = Event{
		At: time.Duration(d.at), Kind: kind, Flags: p.flags, Conn: p.conn, Chan: p.chn, Code: p.code,
		Tag: p.tag, Msg: p.msg, N: p.n, Who: d.who[kind],
	}
	if text {
		e.Text = d.string()
	}
	if d.bad != "" {
		return d.fail(d.bad)
	}
	return nil
}

// fields brings the kind's prediction up to date with what follows in the block.
func (d *decoder) fields(kind Kind, mask byte) {
	p := &d.last[kind]
	p.tag = next(p.tag)
	p.msg = MsgID(next(uint64(p.msg)))
	if mask&hasFlags != 0 {
		p.flags = Flags(d.byte())
	}
	if mask&hasConn != 0 {
		p.conn = uint32(d.upTo(math.MaxUint32))
	}
	if mask&hasChan != 0 {
		p.chn = uint16(d.upTo(math.MaxUint16))
	}
	if mask&hasCode != 0 {
		p.code = int32(unzigzag(d.upTo(math.MaxUint32)))
	}
	if mask&hasTag != 0 {
		p.tag += uint64(unzigzag(d.uvarint()))
	}
	if mask&hasMsg != 0 {
		p.msg += MsgID(unzigzag(d.uvarint()))
	}
	if mask&hasN != 0 {
		p.n = unzigzag(d.uvarint())
	}
	if mask&hasWho != 0 {
		d.who[kind] = d.name()
	}
}

// name reads a Who: 0 is none, 1 a new one, others are known.
func (d *decoder) name() string {
	switch num := d.uvarint(); {
	case num == 0:
		return ""
	case num == 1:
		s := d.string()
		if len(d.names) < maxNames {
			d.names = append(d.names, s)
		}
		return s
	case num-2 < uint64(len(d.names)):
		return d.names[num-2]
	default:
		d.bad = "name out of range"
		return ""
	}
}

func (d *decoder) string() string {
	n := d.uvarint()
	if n > uint64(len(d.rest)) || n > maxText {
		d.bad = "text out of range"
		return ""
	}
	s := string(d.rest[:n])
	d.rest = d.rest[n:]
	return s
}

func (d *decoder) byte() byte {
	if len(d.rest) == 0 {
		d.bad = "event cut short"
		return 0
	}
	b := d.rest[0]
	d.rest = d.rest[1:]
	return b
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 {
		d.bad = "number cut short or too long"
		d.rest = nil
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) upTo(limit uint64) uint64 {
	v := d.uvarint()
	if v > limit {
		d.bad = "number out of range"
		return 0
	}
	return v
}

func (d *decoder) fail(reason string) error {
	return &Corrupt{Reason: reason}
}
