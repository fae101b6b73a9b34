package fault

import (
	"context"
	"fmt"
	"sync"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/history/track"
)

// held follows which deliveries one instance of the target has got, since it was begun, and not settled.
type held struct {
	watch Watch
	of    func(conn uint32) bool

	mu    sync.Mutex
	tags  map[heldOn]*track.Tags
	total int
	waits map[*moment]struct{}
}

// heldOn names a channel.
type heldOn struct {
	conn uint32
	ch   uint16
}

// moment is an event that is waited for.
type moment struct {
	h     *held
	is    func(e *history.Event, holds int) bool
	once  sync.Once
	came  chan struct{}
	holds int // what the instance held then
}

// follow begins to follow the instance of that name, until close.
func follow(lab Lab, name string) *held {
	h := &held{
		of:   func(conn uint32) bool { return lab.Role(conn) == name },
		tags: map[heldOn]*track.Tags{}, waits: map[*moment]struct{}{},
	}
	h.watch = lab.Watch(func(e *history.Event) bool {
		h.see(e)
		return false // those who wait are told by see
	})
	return h
}

func (h *held) close() { h.watch.Close() }

// see runs for every event of the run, in order.
func (h *held) see(e *history.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	holds := h.total
	if e.Conn != 0 && h.of(e.Conn) {
		holds = h.follow(e)
	} else if e.Conn != 0 {
		return // somebody else's connection
	}
	for m := range h.waits {
		if m.is(e, holds) {
			m.once.Do(func() {
				m.holds = holds
				close(m.came)
			})
		}
	}
}

// follow gives what the instance holds after an event on one of its connections; at the end of a
// connection or a channel, what it held there.
func (h *held) follow(e *history.Event) int {
	on := heldOn{e.Conn, e.Chan}
	tags := h.tags[on]
	switch e.Kind {
	case history.Deliver:
		if e.Flags&(history.Swallowed|history.Synthetic) == 0 {
			if tags == nil {
				tags = &track.Tags{}
				h.tags[on] = tags
			}
			tags.Add(e.Tag, e.Msg)
			h.total++
		}
	case history.Ack, history.Nack, history.Reject:
		if tags == nil || e.Flags.Has(history.Swallowed) {
			break // the broker has not heard of it
		}
		before := tags.Len()
		if e.Flags.Has(history.Multiple) && e.Kind != history.Reject {
			tags.TakeUpTo(e.Tag, nil)
		} else {
			tags.Take(e.Tag)
		}
		h.total -= before - tags.Len()
	case history.ChanOpen, history.ChanClose:
		return h.drop(func(o heldOn) bool { return o == on })
	case history.ConnClose:
		return h.drop(func(o heldOn) bool { return o.conn == e.Conn })
	}
	return h.total
}

// drop forgets channels and gives what was held on them.
func (h *held) drop(gone func(heldOn) bool) int {
	n := 0
	for on, tags := range h.tags {
		if gone(on) {
			n += tags.Len()
			delete(h.tags, on)
		}
	}
	h.total -= n
	return n
}

// when looks out, from now on, for the first event that is wanted; holds is what the instance holds
// then. Events on the connections of others are not shown. It must be quick.
func (h *held) when(is func(e *history.Event, holds int) bool) *moment {
	m := &moment{h: h, is: is, came: make(chan struct{})}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.waits[m] = struct{}{}
	return m
}

// full waits, for a bounded time, until the instance of that name holds at least so many.
func (h *held) full(ctx context.Context, name string, least int) (holds int, err error) {
	ctx, cancel := context.WithTimeout(ctx, momentLimit)
	defer cancel()
	holds, err = h.when(func(_ *history.Event, holds int) bool { return holds >= least }).await(ctx)
	if err != nil {
		return 0, fmt.Errorf("waiting until %s holds %d deliveries that it has not settled: %w: is the load enough for that?", name, least, err)
	}
	return holds, nil
}

// await waits for the moment and tells how much the instance held then.
func (m *moment) await(ctx context.Context) (holds int, err error) {
	err = closed(ctx, m.came)
	m.h.mu.Lock()
	defer m.h.mu.Unlock()
	delete(m.h.waits, m)
	return m.holds, err
}
