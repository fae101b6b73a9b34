package recovery

import (
	"math"
	"strings"
	"sync"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/history/track"
)

const (
	// Tick is the resolution of a Series, and so of a recovery time.
	Tick = 10 * time.Millisecond
	// Bucket is the resolution of Points.
	Bucket = 100 * time.Millisecond

	perBucket = int(Bucket / Tick)
	maxTicks  = int(24 * time.Hour / Tick) // what is later is not counted: memory stays bounded
)

// Series counts a run's messages as its events pass: offered, first effects, latency, backlog. A request is a
// message whose effect is a good answer; one that is answered otherwise, or not at all, has failed: it waits
// no longer, and was not done. The zero value is ready for use, live or afterwards, and safe for many goroutines. Times count from the
// first LoadBegin or Offer, so that a shifted history gives the same series.
type Series struct {
	mu      sync.Mutex
	started bool
	base    time.Duration
	end     time.Duration // of the last event
	loadEnd time.Duration // 0: the load is still on
	ticks   []slot
	buckets []latencies
	waiting int
	msgs    track.Table[state]
	load    map[uint32]map[uint16]*track.Tags // publishes without confirm, by the load's connections and channels
	settled []history.MsgID                   // scratch
}

// slot counts one tick.
type slot struct {
	offered uint32
	gone    uint32 // offered in this tick, and will have no effect or nobody can know
	done    uint32 // offered in this tick, and had their effect at some time
	effects uint32 // first effects that happened in this tick
	failed  uint32 // requests that failed in this tick
	worst   uint32 // highest latency of these in µs
}

// settled is how many messages wait no longer because of what happened in this tick.
func (t slot) settled() int { return int(t.gone) + int(t.effects) + int(t.failed) }

// state is a message's offer time since base, times 4, and its phase.
type state int64

const (
	offered state = iota + 1
	gone
	done  // or failed
	phase = 3
)

func (s state) at() time.Duration { return time.Duration(s >> 2) }

// Observe counts an event; it does not keep it.
func (s *Series) Observe(e *history.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end = max(s.end, e.At)
	switch e.Kind {
	case history.LoadBegin:
		s.start(e.At)
	case history.LoadEnd:
		s.loadEnd = e.At
	case history.Offer:
		if e.Flags.Has(history.Doomed) {
			s.start(e.At)
			*s.msgs.At(e.Msg) = done // no effect is to be waited for
			return
		}
		s.offer(e.Msg, e.At)
	case history.Publish:
		s.publish(e)
	case history.Confirm, history.Refuse:
		s.confirm(e)
	case history.Return:
		if !e.Flags.Has(history.Synthetic) && s.load[e.Conn] != nil {
			s.discount(e.Msg)
		}
	case history.Effect:
		if Counts(e) {
			s.effect(e.Msg, e.At)
		}
	case history.Answer:
		if e.Flags.Has(history.Good) {
			s.effect(e.Msg, e.At)
		} else {
			s.fail(e.Msg, e.At)
		}
	case history.ConnOpen:
		if IsLoad(e.Who) {
			s.openLoad(e.Conn)
		}
	case history.ChanClose:
		s.closeChannel(e.Conn, e.Chan)
	case history.ConnClose:
		s.closeConn(e.Conn)
	}
}

// Counts tells whether an Effect event is an effect: new to the sink, and accepted.
func Counts(e *history.Event) bool {
	if e.Flags.Has(history.Replay) {
		return false
	}
	return !e.Flags.Has(history.Refused) || e.Flags.Has(history.Accepted)
}

// IsLoad tells whether a connection's role is the workload's.
func IsLoad(role string) bool { return role == "load" || strings.HasPrefix(role, "load/") }

func (s *Series) start(at time.Duration) {
	if !s.started {
		s.started, s.base = true, at
	}
}

// slotAt gives the tick of a time, nil when it is outside of what a Series covers.
func (s *Series) slotAt(sinceBase time.Duration) *slot {
	i := int(sinceBase / Tick)
	if sinceBase < 0 || i >= maxTicks {
		return nil
	}
	if i >= len(s.ticks) {
		s.ticks = append(s.ticks, make([]slot, i+1-len(s.ticks))...)
	}
	return &s.ticks[i]
}

func (s *Series) offer(id history.MsgID, at time.Duration) {
	s.start(at)
	p, since := s.msgs.At(id), at-s.base
	slot := s.slotAt(since)
	if *p != 0 || slot == nil {
		return
	}
	*p = state(since)<<2 | offered
	slot.offered++
	s.waiting++
}

func (s *Series) effect(id history.MsgID, at time.Duration) {
	p := s.msgs.At(id)
	slot := s.slotAt(at - s.base)
	if *p == 0 || *p&phase == done || slot == nil {
		return
	}
	origin := s.slotAt(p.at())
	if *p&phase == gone {
		origin.gone--
		s.waiting++
	}
	*p = *p&^phase | done
	latency := at - s.base - p.at()
	origin.done++
	slot.effects++
	slot.worst = max(slot.worst, micros(latency))
	s.waiting--
	b := int((at - s.base) / Bucket)
	if b >= len(s.buckets) {
		s.buckets = append(s.buckets, make([]latencies, b+1-len(s.buckets))...)
	}
	s.buckets[b].add(latency)
}

func (s *Series) fail(id history.MsgID, at time.Duration) {
	p := s.msgs.At(id)
	slot := s.slotAt(at - s.base)
	if *p&phase != offered || slot == nil {
		return
	}
	s.slotAt(p.at()).done++
	*p = *p&^phase | done
	slot.failed++
	s.waiting--
}

func micros(d time.Duration) uint32 { return uint32(min(d/time.Microsecond, math.MaxUint32)) }

// Discount says that a message will have no effect, or that nobody can know: it is no backlog, and
// never was. An effect that comes all the same is counted.
func (s *Series) Discount(id history.MsgID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.discount(id)
}

func (s *Series) discount(id history.MsgID) {
	p := s.msgs.At(id)
	if *p&phase != offered {
		return
	}
	*p = *p&^phase | gone
	s.slotAt(p.at()).gone++
	s.waiting--
}

// Backlog is the number of messages offered that wait for their effect now.
func (s *Series) Backlog() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting
}
