package wire

import (
	"encoding/binary"
	"slices"
	"sync"
	"sync/atomic"
)

// confirms translates the broker's publish numbers into the client's, on channels on which a rule
// has dropped or added a publish. Without this every later confirm would be for the wrong message.
type confirms struct {
	used atomic.Bool // a channel needs translation; stays true for the connection's life
	mu   sync.Mutex
	by   map[uint16]*numbering
}

type numbering struct {
	marks  []mark
	gaps   []uint64        // the client's numbers that the broker never saw, ascending
	upTo   uint64          // the client knows of all up to here
	single map[uint64]bool // and of these behind the first gap
}

// mark says that from a broker's number on, delta has to be added to get the client's.
type mark struct {
	from  uint64
	delta int64
}

func (n *numbering) last() int64 {
	if len(n.marks) == 0 {
		return 0
	}
	return n.marks[len(n.marks)-1].delta
}

func (n *numbering) client(broker uint64) uint64 {
	for i := len(n.marks) - 1; i >= 0; i-- {
		if n.marks[i].from <= broker {
			return uint64(int64(broker) + n.marks[i].delta)
		}
	}
	return broker
}

func (c *confirms) of(ch uint16) *numbering {
	if c.by == nil {
		c.by = map[uint16]*numbering{}
	}
	if c.by[ch] == nil {
		c.by[ch] = &numbering{single: map[uint64]bool{}}
	}
	c.used.Store(true)
	return c.by[ch]
}

// dropped notes that the broker will not see the client's publish seq.
func (c *confirms) dropped(ch uint16, seq uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.of(ch)
	d := n.last()
	n.marks = append(n.marks, mark{uint64(int64(seq) - d), d + 1})
	n.gaps = append(n.gaps, seq)
}

// added notes that the broker will see one more publish behind the client's seq. Its confirm is kept
// from the client.
func (c *confirms) added(ch uint16, seq uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.of(ch)
	d := n.last()
	n.marks = append(n.marks, mark{uint64(int64(seq) - d + 1), d - 1})
}

// forget drops what is known of a channel, which was opened anew.
func (c *confirms) forget(ch uint16) {
	if !c.used.Load() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.by, ch)
}

// confirm is one confirm for the client.
type confirm struct {
	tag      uint64
	multiple bool
}

// translate gives what the client must be told in place of the broker's confirm: nothing for the second
// confirm of a doubled publish, several for one that spans a dropped publish.
func (c *confirms) translate(ch uint16, tag uint64, multiple bool) []confirm {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.by[ch]
	if n == nil {
		return []confirm{{tag, multiple}}
	}
	last := n.client(tag)
	if !multiple {
		if _, gap := slices.BinarySearch(n.gaps, last); gap || last == 0 || tag > 1 && n.client(tag-1) == last {
			return nil // of a publish that is not the client's
		}
		if len(n.gaps) > 0 && last > n.gaps[0] {
			n.single[last] = true
		}
		return []confirm{{last, false}}
	}
	return n.span(last)
}

// span confirms everything up to last, but for the gaps. Before the first gap one multiple confirm
// does; behind it every publish needs one of its own.
func (n *numbering) span(last uint64) []confirm {
	if last == 0 {
		return nil
	}
	if len(n.gaps) == 0 || n.gaps[0] > last {
		return []confirm{{last, true}}
	}
	var all []confirm
	next := n.upTo + 1
	if next < n.gaps[0] {
		all = append(all, confirm{n.gaps[0] - 1, true})
		next = n.gaps[0]
	}
	for ; next <= last; next++ {
		if _, gap := slices.BinarySearch(n.gaps, next); gap || n.single[next] {
			delete(n.single, next)
			continue
		}
		all = append(all, confirm{next, false})
	}
	n.upTo = max(n.upTo, last)
	return all
}

// renumbers tells whether e is a confirm whose number may have to be translated.
func (t *stream) renumbers(e *Event) bool {
	return t.dir == ToClient && (e.Method == BasicAck || e.Method == BasicNack) && t.s.confirms.used.Load()
}

// renumber puts the client's numbers into a confirm. It is done when nothing of it is left to decide on.
func (t *stream) renumber(e *Event, raw []byte, n int) (done bool, err error) {
	all := t.s.confirms.translate(e.Chan, e.Tag, e.Multiple)
	if len(all) == 0 {
		return true, t.carryOut(&Plan{Drop: true}, nil, e, raw, n, nil)
	}
	if err := t.flush(); err != nil {
		return false, err
	}
	for _, c := range all[:len(all)-1] {
		set(raw, e, c)
		t.s.tell(e)
		if _, err := t.out.Write(raw); err != nil {
			return false, err
		}
	}
	set(raw, e, all[len(all)-1])
	return false, nil
}

// set writes a confirm's number into its frame and event. The broker's frames are always in a
// buffer of our own, so they may be changed in place.
func set(raw []byte, e *Event, c confirm) {
	const at = headSize + 4
	binary.BigEndian.PutUint64(raw[at:], c.tag)
	raw[at+8] &^= 1
	if c.multiple {
		raw[at+8] |= 1
	}
	e.Tag, e.Multiple = c.tag, c.multiple
}
