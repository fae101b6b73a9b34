package wire

import "encoding/binary"

// content builds a content method with header and one body frame of n bytes. The message id is left
// out when it is empty; a bare tag, key and exchange are enough for these tests.
func content(ch uint16, m Method, id string, n int) []byte {
	return append(contentHead(ch, m, id, n), bodies(ch, n)...)
}

func contentHead(ch uint16, m Method, id string, n int) []byte {
	return append(contentMethod(ch, m), contentHeader(ch, id, n)...)
}

func contentMethod(ch uint16, m Method) []byte {
	var args []byte
	switch m {
	case BasicPublish:
		args = append(u16(0), append(short("ex"), append(short("key"), 0)...)...)
	case BasicDeliver:
		args = append(short("consumer"), append(u64(7), append([]byte{1}, append(short("ex"), short("key")...)...)...)...)
	case BasicReturn:
		args = append(u16(312), append(short("NO_ROUTE"), append(short("ex"), short("key")...)...)...)
	case BasicGetOk:
		args = append(u64(7), append([]byte{0}, append(short("ex"), append(short("key"), 0, 0, 0, 1)...)...)...)
	}
	return MethodFrame(ch, m, args...)
}

func contentHeader(ch uint16, id string, n int) []byte {
	p := binary.BigEndian.AppendUint64([]byte{0, 60, 0, 0}, uint64(n))
	flags := uint16(1<<15 | 1<<13 | 1<<12)
	if id != "" {
		flags |= 1 << 7
	}
	p = binary.BigEndian.AppendUint16(p, flags)
	p = append(p, short("text/plain")...)
	p = append(p, 0, 0, 0, 3, 1, 'k', 'V') // headers
	p = append(p, 2)                       // delivery mode
	if id != "" {
		p = append(p, short(id)...)
	}
	return frame(frameHeader, ch, p)
}

// bodies builds the body frames of a content of n bytes, at most 100 bytes each.
func bodies(ch uint16, n int) (all []byte) {
	for n > 0 {
		k := min(n, 100)
		all = append(all, frame(frameBody, ch, make([]byte, k))...)
		n -= k
	}
	return all
}
