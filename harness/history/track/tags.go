package track

import (
	"cmp"
	"iter"
	"slices"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// Tags are the delivery tags, or publish sequence numbers, of one channel that are not settled yet,
// each with its message. Tags go up as a rule, which makes every operation cheap; a tag that comes
// again is outstanding once more. The zero value is ready for use; memory follows what is outstanding.
type Tags struct {
	list  []entry // ordered by tag
	taken int     // entries of list that are settled already
}

type entry struct {
	tag   uint64
	msg   history.MsgID
	taken bool
}

// Len is the number of outstanding tags.
func (t *Tags) Len() int { return len(t.list) - t.taken }

// Add makes a tag outstanding.
func (t *Tags) Add(tag uint64, msg history.MsgID) {
	e := entry{tag: tag, msg: msg}
	if n := len(t.list); n == 0 || t.list[n-1].tag <= tag {
		t.list = append(t.list, e)
		return
	}
	t.list = slices.Insert(t.list, t.find(tag+1), e)
}

// Take settles one tag and tells whether it was outstanding.
func (t *Tags) Take(tag uint64) (history.MsgID, bool) {
	for i := t.find(tag); i < len(t.list) && t.list[i].tag == tag; i++ {
		if e := &t.list[i]; !e.taken {
			e.taken = true
			t.taken++
			msg := e.msg
			t.trim()
			return msg, true
		}
	}
	return 0, false
}

// TakeUpTo settles every outstanding tag up to and with tag, as a multiple acknowledgement does, and
// appends their messages to into. A tag of 0 means all.
func (t *Tags) TakeUpTo(tag uint64, into []history.MsgID) []history.MsgID {
	end := len(t.list)
	if tag != 0 && end > 0 && t.list[end-1].tag > tag {
		end = t.find(tag + 1)
	}
	for i := range t.list[:end] {
		if e := &t.list[i]; !e.taken {
			into = append(into, e.msg)
			e.taken = true
			t.taken++
		}
	}
	t.trim()
	return into
}

// Has tells whether a tag is outstanding.
func (t *Tags) Has(tag uint64) bool {
	for i := t.find(tag); i < len(t.list) && t.list[i].tag == tag; i++ {
		if !t.list[i].taken {
			return true
		}
	}
	return false
}

// All gives what is outstanding, in the order of tags.
func (t *Tags) All() iter.Seq2[uint64, history.MsgID] {
	return func(yield func(uint64, history.MsgID) bool) {
		for _, e := range t.list {
			if !e.taken && !yield(e.tag, e.msg) {
				return
			}
		}
	}
}

// find gives the index of the first entry with this tag or a higher one. In the usual order of
// settling that is the first one.
func (t *Tags) find(tag uint64) int {
	if len(t.list) > 0 && t.list[0].tag >= tag {
		return 0
	}
	i, _ := slices.BinarySearchFunc(t.list, tag, func(e entry, tag uint64) int { return cmp.Compare(e.tag, tag) })
	return i
}

// trim gives settled entries' memory back, in amortized constant time.
func (t *Tags) trim() {
	if t.taken == len(t.list) {
		t.list, t.taken = t.list[:0], 0
		return
	}
	if t.taken < 64 || t.taken < len(t.list)/2 {
		return
	}
	t.list = slices.DeleteFunc(t.list, func(e entry) bool { return e.taken })
	t.taken = 0
}
