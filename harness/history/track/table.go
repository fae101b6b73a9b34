package track

import (
	"iter"
	"slices"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

const (
	pageBits = 12
	pageSize = 1 << pageBits
	denseIDs = 1 << 30 // ids from here on, hashed ones among them, live in a map
)

// Table keeps one T per message. Numbers of a workload are dense, so they live in pages, at the cost
// of T's own size; all other ids live in a map. The zero value is ready for use.
type Table[T any] struct {
	pages  []*[pageSize]T
	sparse map[history.MsgID]*T
}

// At gives the message's entry, a zero one when it is new. The pointer stays valid.
func (t *Table[T]) At(id history.MsgID) *T {
	if id >= denseIDs {
		return t.sparseAt(id)
	}
	page := int(id >> pageBits)
	if page >= len(t.pages) {
		t.pages = append(t.pages, make([]*[pageSize]T, page+1-len(t.pages))...)
	}
	if t.pages[page] == nil {
		t.pages[page] = new([pageSize]T)
	}
	return &t.pages[page][id&(pageSize-1)]
}

func (t *Table[T]) sparseAt(id history.MsgID) *T {
	if p := t.sparse[id]; p != nil {
		return p
	}
	if t.sparse == nil {
		t.sparse = make(map[history.MsgID]*T)
	}
	p := new(T)
	t.sparse[id] = p
	return p
}

// All gives every entry in the order of ids. Entries that were never asked for may be among them, as
// zero values.
func (t *Table[T]) All() iter.Seq2[history.MsgID, *T] {
	return func(yield func(history.MsgID, *T) bool) {
		for i, page := range t.pages {
			if page == nil {
				continue
			}
			for j := range page {
				if !yield(history.MsgID(i<<pageBits|j), &page[j]) {
					return
				}
			}
		}
		ids := make([]history.MsgID, 0, len(t.sparse))
		for id := range t.sparse {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		for _, id := range ids {
			if !yield(id, t.sparse[id]) {
				return
			}
		}
	}
}
