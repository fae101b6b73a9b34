package wire

import "encoding/binary"

// MethodFrame builds the frame of a method on a channel from its encoded arguments.
func MethodFrame(ch uint16, m Method, args ...byte) []byte {
	payload := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(args)), uint32(m))
	return frame(frameMethod, ch, append(payload, args...))
}

// HeartbeatFrame builds a heartbeat.
func HeartbeatFrame() []byte { return frame(frameHeartbeat, 0, nil) }

// AckFrame builds basic.ack: a settled delivery to the broker, a confirm to the client.
func AckFrame(ch uint16, tag uint64, multiple bool) []byte {
	return MethodFrame(ch, BasicAck, append(u64(tag), bits(multiple))...)
}

// NackFrame builds basic.nack: a refused delivery to the broker, a refused publish to the client
// (requeue then means nothing).
func NackFrame(ch uint16, tag uint64, multiple, requeue bool) []byte {
	return MethodFrame(ch, BasicNack, append(u64(tag), bits(multiple, requeue))...)
}

// RejectFrame builds basic.reject. Tag 0 was never delivered: a broker answers it with 406.
func RejectFrame(ch uint16, tag uint64, requeue bool) []byte {
	return MethodFrame(ch, BasicReject, append(u64(tag), bits(requeue))...)
}

// CancelFrame builds basic.cancel for a consumer tag of at most 255 bytes.
func CancelFrame(ch uint16, consumer string, noWait bool) []byte {
	return MethodFrame(ch, BasicCancel, append(short(consumer), bits(noWait))...)
}

// ChannelCloseFrame builds channel.close. cause is the method that gave rise to it, or 0.
func ChannelCloseFrame(ch, code uint16, text string, cause Method) []byte {
	return MethodFrame(ch, ChannelClose, closing(code, text, cause)...)
}

// ChannelCloseOkFrame builds channel.close-ok.
func ChannelCloseOkFrame(ch uint16) []byte { return MethodFrame(ch, ChannelCloseOk) }

// ConnectionCloseFrame builds connection.close. cause is the method that gave rise to it, or 0.
func ConnectionCloseFrame(code uint16, text string, cause Method) []byte {
	return MethodFrame(0, ConnectionClose, closing(code, text, cause)...)
}

// ConnectionCloseOkFrame builds connection.close-ok.
func ConnectionCloseOkFrame() []byte { return MethodFrame(0, ConnectionCloseOk) }

// BlockedFrame builds connection.blocked.
func BlockedFrame(reason string) []byte { return MethodFrame(0, ConnectionBlocked, short(reason)...) }

// UnblockedFrame builds connection.unblocked.
func UnblockedFrame() []byte { return MethodFrame(0, ConnectionUnblocked) }

// ReturnFrames builds basic.return and its content from the frames of a publish, complete with
// header and bodies; nil when publish is not that.
func ReturnFrames(code uint16, text string, publish []byte) []byte {
	if len(publish) < headSize+4 {
		return nil
	}
	ch := binary.BigEndian.Uint16(publish[1:])
	end := headSize + int(binary.BigEndian.Uint32(publish[3:]))
	if end >= len(publish) || Method(binary.BigEndian.Uint32(publish[headSize:])) != BasicPublish {
		return nil
	}
	c := cursor{b: publish[headSize+4 : end]}
	c.u16() // reserved
	exchange, key := c.str(), c.str()
	if c.bad {
		return nil
	}
	args := append(u16(code), short(text)...)
	args = append(args, short(string(exchange))...)
	args = append(args, short(string(key))...)
	return append(MethodFrame(ch, BasicReturn, args...), publish[end+1:]...)
}

// split gives the first frame of b, and what follows it; ok is false when b does not start with a
// complete frame.
func split(b []byte) (first, rest []byte, ok bool) {
	if len(b) < frameExtra {
		return nil, nil, false
	}
	total := frameExtra + int(binary.BigEndian.Uint32(b[3:]))
	if total > len(b) || b[total-1] != frameEnd {
		return nil, nil, false
	}
	switch b[0] {
	case frameMethod, frameHeader, frameBody, frameHeartbeat:
		return b[:total], b[total:], true
	}
	return nil, nil, false
}

func frame(kind byte, ch uint16, payload []byte) []byte {
	b := make([]byte, headSize, frameExtra+len(payload))
	b[0] = kind
	binary.BigEndian.PutUint16(b[1:], ch)
	binary.BigEndian.PutUint32(b[3:], uint32(len(payload)))
	return append(append(b, payload...), frameEnd)
}

func closing(code uint16, text string, cause Method) []byte {
	b := append(u16(code), short(text)...)
	return binary.BigEndian.AppendUint32(b, uint32(cause))
}

func u16(v uint16) []byte { return binary.BigEndian.AppendUint16(nil, v) }
func u64(v uint64) []byte { return binary.BigEndian.AppendUint64(nil, v) }

// short encodes a short string; what is over 255 bytes is cut off.
func short(s string) []byte {
	s = s[:min(len(s), 255)]
	return append([]byte{byte(len(s))}, s...)
}

func bits(on ...bool) (b byte) {
	for i, v := range on {
		if v {
			b |= 1 << i
		}
	}
	return b
}
