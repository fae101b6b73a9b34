package history

import (
	"encoding/binary"
	"hash/crc32"
	"time"
)

// encoder turns events into blocks. Names live as long as the file, predictions as long as a block.
type encoder struct {
	buf   []byte // the open block: room for its header, then the payload
	at    time.Duration
	last  [kinds]previous
	names map[string]uint32 // Who → its number, from 2
}

func newEncoder() encoder {
	return encoder{names: make(map[string]uint32)}
}

func (c *encoder) empty() bool { return len(c.buf) == 0 }

// begin opens a block in buf, whose times count from at.
func (c *encoder) begin(buf []byte, at time.Duration) {
	c.buf = append(buf[:0], make([]byte, blockHeader)...)
	c.buf = binary.AppendUvarint(c.buf, uint64(at))
	c.at = at
	c.last = [kinds]previous{}
}

// take closes the open block and gives its bytes; its header is filled in by sealBlock.
func (c *encoder) take() []byte {
	b := c.buf
	c.buf = nil
	return b
}

// add appends an event. At must not be before the last one's, and Kind must be known.
func (c *encoder) add(e *Event) {
	p := &c.last[e.Kind]
	head := len(c.buf)
	b := append(c.buf, byte(e.Kind), 0)
	b = binary.AppendUvarint(b, uint64(e.At-c.at))
	c.at = e.At
	mask := byte(0)
	if e.Flags != p.flags {
		mask |= hasFlags
		b = append(b, byte(e.Flags))
		p.flags = e.Flags
	}
	if e.Conn != p.conn {
		mask |= hasConn
		b = binary.AppendUvarint(b, uint64(e.Conn))
		p.conn = e.Conn
	}
	if e.Chan != p.chn {
		mask |= hasChan
		b = binary.AppendUvarint(b, uint64(e.Chan))
		p.chn = e.Chan
	}
	if e.Code != p.code {
		mask |= hasCode
		b = binary.AppendUvarint(b, zigzag(int64(e.Code)))
		p.code = e.Code
	}
	if want := next(p.tag); e.Tag != want {
		mask |= hasTag
		b = binary.AppendUvarint(b, zigzag(int64(e.Tag-want)))
	}
	p.tag = e.Tag
	if want := MsgID(next(uint64(p.msg))); e.Msg != want {
		mask |= hasMsg
		b = binary.AppendUvarint(b, zigzag(int64(e.Msg-want)))
	}
	p.msg = e.Msg
	if e.N != p.n {
		mask |= hasN
		b = binary.AppendUvarint(b, zigzag(e.N))
		p.n = e.N
	}
	c.buf = b
	if c.addWho(e.Who, p) {
		mask |= hasWho
	}
	if e.Text != "" {
		c.buf[head] |= hasText
		c.addString(e.Text)
	}
	c.buf[head+1] = mask
}

// addWho appends a name: its number when it is known, else 1 and the name itself. It tells whether
// anything was written.
func (c *encoder) addWho(who string, p *previous) bool {
	num := uint32(0)
	if who != "" {
		num = c.names[who]
		if num == 0 {
			c.learn(who, p)
			return true
		}
	}
	if num == p.who {
		return false
	}
	c.buf = binary.AppendUvarint(c.buf, uint64(num))
	p.who = num
	return true
}

func (c *encoder) learn(who string, p *previous) {
	c.buf = append(c.buf, 1)
	c.addString(who)
	p.who = 1 // the literal mark: predicts nothing, since no name has this number
	if len(c.names) < maxNames {
		num := uint32(len(c.names) + 2)
		c.names[who] = num
		p.who = num
	}
}

func (c *encoder) addString(s string) {
	if len(s) > maxText {
		s = s[:maxText]
	}
	c.buf = binary.AppendUvarint(c.buf, uint64(len(s)))
	c.buf = append(c.buf, s...)
}

// sealBlock fills in the header of a block as take gave it.
func sealBlock(b []byte) {
	payload := b[blockHeader:]
	binary.LittleEndian.PutUint32(b[0:], uint32(len(payload)))
	binary.LittleEndian.PutUint32(b[4:], crc32.Checksum(payload, castagnoli))
	binary.LittleEndian.PutUint32(b[8:], crc32.Checksum(b[:8], castagnoli))
}

// headerBytes is the start of a file.
func headerBytes() []byte {
	b := make([]byte, 0, fileHeader)
	b = append(b, magic...)
	b = binary.LittleEndian.AppendUint16(b, major)
	b = binary.LittleEndian.AppendUint16(b, minor)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}
