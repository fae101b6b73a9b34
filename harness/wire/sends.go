package wire

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"
)

// sends are frames of the wire's own that wait for a frame boundary.
type sends struct {
	mu    sync.Mutex
	queue []sending
	count atomic.Int32
	added atomic.Uint64 // ever
}

type sending struct {
	frame  []byte
	rule   *Armed
	before func() bool // asked under the stream's lock just before; false: do not send
}

func (q *sends) waiting() bool { return q.count.Load() > 0 }

func (q *sends) add(s sending) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.queue = append(q.queue, s)
	q.count.Store(int32(len(q.queue)))
	q.added.Add(1)
}

// take gives the oldest one if ready says that its channel can take it.
func (q *sends) take(ready func(ch uint16) bool) (sending, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.queue) == 0 || !ready(binary.BigEndian.Uint16(q.queue[0].frame[1:])) {
		return sending{}, false
	}
	s := q.queue[0]
	q.queue = q.queue[1:]
	q.count.Store(int32(len(q.queue)))
	return s, true
}

func (q *sends) clear() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.queue = nil
	q.count.Store(0)
}

// drain sends what waits, if this is a frame boundary. The caller holds the stream's lock.
func (t *stream) drain() error {
	if !t.sends.waiting() || t.left > 0 || !t.begun || t.opaque {
		return nil
	}
	if err := t.flush(); err != nil {
		return err
	}
	for {
		s, ok := t.sends.take(func(ch uint16) bool { return !t.channel(ch).busy() })
		if !ok {
			return nil
		}
		if s.before != nil && !s.before() {
			continue
		}
		if err := t.put(s.frame, s.rule); err != nil {
			return err
		}
	}
}

// put writes frames of the wire's own and reports them.
func (t *stream) put(frames []byte, a *Armed) error {
	for rest := frames; ; {
		first, more, ok := split(rest)
		if !ok {
			break
		}
		t.own = Event{Rule: a, Synthetic: true}
		switch {
		case first[0] == frameHeartbeat:
			t.own.Conn, t.own.Dir, t.own.Kind, t.own.Method = t.s.id, t.dir, HeartbeatSeen, Heartbeat
			t.s.tell(&t.own)
		case first[0] == frameMethod && len(first) >= frameExtra+4 && t.parse(&t.own, first):
			if header, _, ok := split(more); ok && t.own.Method.content() && header[0] == frameHeader {
				t.own.MessageID, _, _ = parseHeader(header[headSize : len(header)-1])
			}
			t.s.tell(&t.own)
			if c := t.channel(t.own.Chan); t.own.Method == BasicPublish && c.confirms {
				t.s.confirms.added(t.own.Chan, c.seq)
			}
		}
		rest = more
	}
	if len(frames) == 0 {
		return nil
	}
	_, err := t.out.Write(frames)
	t.s.io.wrote(t.dir)
	return err
}

// gates are what a stalled direction waits for, one after the other.
type gates struct {
	mu    sync.Mutex
	list  []<-chan struct{}
	count atomic.Int32
}

func (g *gates) add(c <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.list = append(g.list, c)
	g.count.Store(int32(len(g.list)))
}

func (g *gates) next() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.list) == 0 {
		return nil
	}
	c := g.list[0]
	g.list = g.list[1:]
	g.count.Store(int32(len(g.list)))
	return c
}

// forever is longer than any wait: a wait for it ends with its rule or its connection.
const forever = time.Duration(1<<63 - 1)

// passGates waits while the direction is stalled.
func (t *stream) passGates() error {
	for t.gates.count.Load() > 0 {
		c := t.gates.next()
		if c == nil {
			return nil
		}
		if err := t.s.wait(t.dir, forever, c); err != nil {
			return err
		}
	}
	return nil
}
