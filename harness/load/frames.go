package load

import (
	"encoding/binary"
	"strconv"
)

// AMQP 0-9-1 constants of the few frames that are written and read here.
const (
	frameMethod = 1
	frameHeader = 2
	frameBody   = 3
	frameEnd    = 0xCE
	frameExtra  = 8 // bytes around a frame's payload

	basicPublish  = 60<<16 | 40
	basicReturn   = 60<<16 | 50
	basicAck      = 60<<16 | 80
	basicNack     = 60<<16 | 120
	confirmSelect = 85<<16 | 10
)

// Bits of a content header's property flags, highest first: the properties follow in this order.
const (
	hasContentType  = 1 << 15
	hasHeaders      = 1 << 13
	hasDeliveryMode = 1 << 12
	hasPriority     = 1 << 11
	hasCorrelation  = 1 << 10
	hasExpiration   = 1 << 8
	hasMessageID    = 1 << 7
	hasTimestamp    = 1 << 6
)

// publishHead is the method frame of every publish to a queue: it is the same for all of them.
func publishHead(channel uint16, queue string) []byte {
	const mandatory = 1
	b, at := openFrame(nil, frameMethod, channel)
	b = binary.BigEndian.AppendUint32(b, basicPublish)
	b = append(b, 0, 0, 0) // reserved, exchange ""
	b = appendShort(b, queue)
	b = append(b, mandatory)
	return closeFrame(b, at)
}

// confirmSelectFrame puts the channel in confirm mode without an answer.
func confirmSelectFrame(channel uint16) []byte {
	const noWait = 1
	b, at := openFrame(nil, frameMethod, channel)
	b = binary.BigEndian.AppendUint32(b, confirmSelect)
	return closeFrame(append(b, noWait), at)
}

// appendContent appends the content header and the body frames of a message.
func appendContent(b []byte, channel uint16, frameMax int, m *message) []byte {
	flags := uint16(hasDeliveryMode | hasTimestamp)
	if m.anonymous {
		flags |= hasCorrelation
	} else {
		flags |= hasMessageID
	}
	if m.priority > 0 {
		flags |= hasPriority
	}
	if m.expiration != "" {
		flags |= hasExpiration
	}
	if m.contentType != "" {
		flags |= hasContentType
	}
	if len(m.headers) > 0 {
		flags |= hasHeaders
	}
	b, at := openFrame(b, frameHeader, channel)
	b = binary.BigEndian.AppendUint32(b, basicPublish&^0xFFFF) // class, weight 0
	b = binary.BigEndian.AppendUint64(b, uint64(len(m.body)))
	b = binary.BigEndian.AppendUint16(b, flags)
	if flags&hasContentType != 0 {
		b = appendShort(b, m.contentType)
	}
	if flags&hasHeaders != 0 {
		b = append(b, m.headers...)
	}
	mode := byte(2)
	if m.transient {
		mode = 1
	}
	b = append(b, mode)
	if flags&hasPriority != 0 {
		b = append(b, m.priority)
	}
	if m.anonymous {
		b = appendID(b, m.id)
	}
	if flags&hasExpiration != 0 {
		b = appendShort(b, m.expiration)
	}
	if !m.anonymous {
		b = appendID(b, m.id)
	}
	b = binary.BigEndian.AppendUint64(b, uint64(m.at.Unix()))
	b = closeFrame(b, at)
	for rest := m.body; len(rest) > 0; {
		n := min(len(rest), frameMax-frameExtra)
		b, at = openFrame(b, frameBody, channel)
		b = closeFrame(append(b, rest[:n]...), at)
		rest = rest[n:]
	}
	return b
}

func openFrame(b []byte, kind byte, channel uint16) ([]byte, int) {
	b = append(b, kind)
	b = binary.BigEndian.AppendUint16(b, channel)
	return append(b, 0, 0, 0, 0), len(b) + 4
}

// closeFrame writes the size of the payload that begins at.
func closeFrame(b []byte, at int) []byte {
	binary.BigEndian.PutUint32(b[at-4:], uint32(len(b)-at))
	return append(b, frameEnd)
}

func appendShort(b []byte, s string) []byte { return append(append(b, byte(len(s))), s...) }

// appendID appends "m<id>" as a short string.
func appendID(b []byte, id uint64) []byte {
	at := len(b)
	b = strconv.AppendUint(append(b, 0, 'm'), id, 10)
	b[at] = byte(len(b) - at - 1)
	return b
}
