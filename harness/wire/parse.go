package wire

import "encoding/binary"

// Frame types, sizes and limits of the protocol.
const (
	frameMethod    = 1
	frameHeader    = 2
	frameBody      = 3
	frameHeartbeat = 8
	frameEnd       = 0xCE
	headSize       = 7       // type, channel, size
	frameExtra     = 8       // head and end octet
	maxHeld        = 1 << 20 // payload of a method or header frame; larger ones are no AMQP
)

// cursor reads AMQP values off a payload. The first short read makes it bad, and all later ones zero.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) take(n int) []byte {
	if c.bad || n > len(c.b) {
		c.bad = true
		return nil
	}
	v := c.b[:n]
	c.b = c.b[n:]
	return v
}

func (c *cursor) u8() byte {
	if v := c.take(1); v != nil {
		return v[0]
	}
	return 0
}

func (c *cursor) u16() uint16 {
	if v := c.take(2); v != nil {
		return binary.BigEndian.Uint16(v)
	}
	return 0
}

func (c *cursor) u64() uint64 {
	if v := c.take(8); v != nil {
		return binary.BigEndian.Uint64(v)
	}
	return 0
}

func (c *cursor) str() []byte { return c.take(int(c.u8())) }

func (c *cursor) table() {
	if v := c.take(4); v != nil {
		c.take(int(binary.BigEndian.Uint32(v)))
	}
}

// parseMethod fills e from the payload of a method frame, class and method id included. It is false
// when the arguments are cut short. Methods without a case have no argument that an Event carries.
func parseMethod(e *Event, payload []byte) bool {
	c := cursor{b: payload[4:]}
	switch e.Method {
	case BasicAck:
		e.Tag = c.u64()
		e.Multiple = c.u8()&1 != 0
	case BasicNack:
		e.Tag = c.u64()
		bits := c.u8()
		e.Multiple, e.Requeue = bits&1 != 0, bits&2 != 0
	case BasicReject:
		e.Tag = c.u64()
		e.Requeue = c.u8()&1 != 0
	case BasicDeliver:
		e.Text = c.str()
		e.Tag = c.u64()
		e.Redelivered = c.u8()&1 != 0
		c.str() // exchange
		e.Name = c.str()
	case BasicPublish:
		c.u16() // reserved
		c.str() // exchange
		e.Name = c.str()
		e.Text = e.Name
		e.Mandatory = c.u8()&1 != 0
	default:
		parseRare(e, &c)
	}
	return !c.bad
}

// parseRare is parseMethod for the methods that are seldom on the wire.
func parseRare(e *Event, c *cursor) {
	switch e.Method {
	case BasicGetOk:
		e.Tag = c.u64()
		e.Redelivered = c.u8()&1 != 0
		c.str() // exchange
		e.Name = c.str()
	case BasicReturn:
		e.Code = c.u16()
		e.Text = c.str()
		c.str() // exchange
		e.Name = c.str()
	case BasicConsume:
		c.u16() // reserved
		e.Name = c.str()
		e.Text = c.str()
	case BasicConsumeOk, BasicCancel, BasicCancelOk, ConnectionBlocked:
		e.Text = c.str()
	case ChannelClose, ConnectionClose:
		e.Code = c.u16()
		e.Text = c.str()
		e.Class = c.u16()
		e.Cause = c.u16()
	}
}

// parseHeader gives the message-id (the correlation-id when absent, nil without either) and the body's size from the
// payload of a content header frame. ok is false when the payload is cut short.
func parseHeader(payload []byte) (id []byte, size uint64, ok bool) {
	c := cursor{b: payload}
	c.take(4) // class, weight
	size = c.u64()
	flags := c.u16()
	for more := flags; more&1 != 0 && !c.bad; {
		more = c.u16() // further property flags: none is defined
	}
	const contentType, headers, mode, priority, correlationID, messageID = 1 << 15, 1 << 13, 1 << 12, 1 << 11, 1 << 10, 1 << 7
	for bit := uint16(contentType); bit >= messageID; bit >>= 1 {
		if flags&bit == 0 {
			continue
		}
		switch bit {
		case headers:
			c.table()
		case mode, priority:
			c.u8()
		case correlationID, messageID: // in this order: the second wins
			id = c.str()
		default: // content-type, content-encoding, reply-to, expiration
			c.str()
		}
	}
	return id, size, !c.bad
}
