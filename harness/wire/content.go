package wire

import "encoding/binary"

// maxKept bounds the content that is kept for a rule that wants it whole.
const maxKept = 16 << 20

// channel is the content under way on one channel in one direction, and the count of publishes.
type channel struct {
	parked []byte // a content method whose header did not come right behind it
	held   bool   // parked is not forwarded yet

	left    uint64       // body bytes still to come
	drop    bool         // they are not forwarded
	keeping bool         // content is kept for then
	kept    []byte       // frames of the content so far
	then    func() error // to do when the content is complete

	confirms bool   // in confirm mode
	seq      uint64 // publishes in confirm mode
}

// busy tells whether a message is under way, so that no other method may go in between.
func (c *channel) busy() bool { return c.left > 0 || len(c.parked) > 0 }

// reset forgets the content under way.
func (c *channel) reset() {
	c.parked, c.held = c.parked[:0], false
	c.left, c.drop, c.keeping, c.kept, c.then = 0, false, false, nil, nil
}

// add keeps frames of the content, if somebody wants them. Too much is nothing.
func (c *channel) add(b []byte) {
	if !c.keeping {
		return
	}
	if len(c.kept)+len(b) > maxKept {
		c.keeping, c.kept = false, nil
		return
	}
	c.kept = append(c.kept, b...)
}

// method deals with a method frame, which is waited for whole.
func (t *stream) method(rest []byte, ch uint16, size uint32) (bool, error) {
	total := int(size) + frameExtra
	if size < 4 || size > maxHeld {
		return t.lost("method frame of an impossible size")
	}
	if len(rest) < total {
		return false, nil
	}
	if rest[total-1] != frameEnd {
		return t.lost("no frame-end octet")
	}
	m := Method(binary.BigEndian.Uint32(rest[headSize:]))
	if m.content() {
		return t.contentMethod(rest, ch, m, total)
	}
	t.ev = Event{Conn: t.s.id, Chan: ch, Dir: t.dir, Kind: MethodSeen, Method: m}
	if !parseMethod(&t.ev, rest[headSize:total-1]) {
		return t.lost("method with arguments cut short")
	}
	if int(ch) < len(t.chans) && t.chans[ch] != nil && t.chans[ch].busy() {
		if err := t.interrupt(t.chans[ch]); err != nil {
			return false, err
		}
		t.ev = Event{Conn: t.s.id, Chan: ch, Dir: t.dir, Kind: MethodSeen, Method: m}
		parseMethod(&t.ev, rest[headSize:total-1])
	}
	t.ordinal++
	t.observe(&t.ev)
	return true, t.decide(&t.ev, rest[:total], total, nil)
}

// interrupt ends a message in whose middle another method came: the peer's error, not ours.
func (t *stream) interrupt(c *channel) error {
	if len(c.parked) > 0 {
		t.ev = Event{}
		t.parse(&t.ev, c.parked)
		t.s.tell(&t.ev)
	}
	if c.held {
		if err := t.flush(); err != nil {
			return err
		}
		if _, err := t.out.Write(c.parked); err != nil {
			return err
		}
	}
	c.reset()
	return nil
}

// contentMethod deals with a method that a header follows. The two are taken together, as only the
// header has the message's id. When frames of other channels come in between, the method is parked.
func (t *stream) contentMethod(rest []byte, ch uint16, m Method, total int) (bool, error) {
	next := rest[total:]
	if len(next) < headSize {
		return false, nil
	}
	c := t.channel(ch)
	if c.busy() {
		return true, t.interrupt(c)
	}
	if next[0] != frameHeader || binary.BigEndian.Uint16(next[1:]) != ch {
		return true, t.park(c, rest[:total])
	}
	return t.message(c, rest[:total], next, total)
}

// park sets a method aside until its header comes. While no rule is armed it is forwarded all the
// same, so that a wire without rules changes nothing, not even the order of channels.
func (t *stream) park(c *channel, method []byte) error {
	e := Event{Method: Method(binary.BigEndian.Uint32(method[headSize:]))}
	if !parseMethod(&e, method[headSize:len(method)-1]) {
		_, err := t.lost("method with arguments cut short")
		return err
	}
	c.parked = append(c.parked[:0], method...)
	c.held = t.s.meddled()
	if c.held {
		if err := t.flush(); err != nil {
			return err
		}
		t.q += len(method)
		t.start = t.q
		return nil
	}
	t.q += len(method)
	return nil
}

// header deals with a header frame whose method was parked, or with one that nobody announced.
func (t *stream) header(rest []byte, ch uint16, size uint32) (bool, error) {
	c := t.channel(ch)
	if len(c.parked) == 0 {
		t.left = uint64(size) + frameExtra
		return true, nil
	}
	return t.message(c, c.parked, rest, 0)
}

// message takes a content method and its header together. header starts with the header frame; own
// is how many bytes of the method are in the buffer in front of it.
func (t *stream) message(c *channel, method, header []byte, own int) (bool, error) {
	size := binary.BigEndian.Uint32(header[3:])
	if size > maxHeld {
		return t.lost("header frame of an impossible size")
	}
	total := int(size) + frameExtra
	if len(header) < total {
		return false, nil
	}
	if header[total-1] != frameEnd {
		return t.lost("no frame-end octet")
	}
	id, body, ok := parseHeader(header[headSize : total-1])
	t.ev = Event{}
	if !t.parse(&t.ev, method) || !ok {
		return t.lost("content with arguments cut short")
	}
	t.ev.MessageID = id
	t.ordinal++
	t.observe(&t.ev)

	forwarded := own == 0 && !c.held
	if own == 0 {
		method = append(method, header[:total]...) // the parked copy grows into the whole
	} else {
		method = method[:own+total]
	}
	c.parked, c.held = c.parked[:0], false
	c.left = body
	if forwarded {
		t.s.tell(&t.ev)
		t.q += total
		return true, nil
	}
	if own == 0 {
		return true, t.decideParked(c, method, total)
	}
	return true, t.decide(&t.ev, method, own+total, c)
}

// decideParked decides on a method that was held, now that its header has come: n bytes of the
// buffer are the header's, and the method itself is in whole only.
func (t *stream) decideParked(c *channel, whole []byte, n int) error {
	if err := t.flush(); err != nil {
		return err
	}
	p, a := t.choose(&t.ev)
	if p == nil {
		p = &Plan{}
	}
	return t.carryOut(p, a, &t.ev, whole, n, c)
}

// parse fills e from a complete method frame.
func (t *stream) parse(e *Event, frame []byte) bool {
	e.Conn, e.Dir, e.Kind = t.s.id, t.dir, MethodSeen
	e.Chan = binary.BigEndian.Uint16(frame[1:])
	e.Method = Method(binary.BigEndian.Uint32(frame[headSize:]))
	return parseMethod(e, frame[headSize:len(frame)-1])
}

// observe keeps count of what has to be known about a channel.
func (t *stream) observe(e *Event) {
	switch e.Method {
	case BasicPublish:
		c := t.channel(e.Chan)
		if c.confirms {
			c.seq++
			e.Seq = c.seq
		}
	case ConfirmSelect:
		if t.dir == ToBroker {
			t.channel(e.Chan).confirms = true
		}
	case ChannelOpen:
		if t.dir == ToBroker {
			*t.channel(e.Chan) = channel{}
			t.s.confirms.forget(e.Chan)
		}
	}
}
