package wire

import (
	"sync"
	"sync/atomic"
)

// Match says which frames a rule acts on. The zero value is every method frame; each field that is
// set narrows it. With Method Now no frame is looked at: the rule acts at once on every live
// connection that Conn allows, and on each new one when it is accepted.
type Match struct {
	Conn      uint32
	Chan      uint16
	Dir       Direction
	Method    Method
	MessageID string // of the content; for ack, nack, reject and confirms: of the message settled, if it passed after arming

	// Of the frames left, counted from arming over all connections:
	Nth   uint64 // only the n-th (1 is the first); with Every: the first one to act on
	Every uint64 // every k-th
	// Of these: act with this probability, decided by seed and message id, or else by seed,
	// connection, channel and tag, so that the same message always fares the same. 0 means 1.
	Probability float64
	// Of these: act at most this often. 0 means no limit.
	Limit uint64
}

// Rule is an Action and what it acts on. Name is told in logs, and sets its random choices apart from
// those of other rules. Of several rules that pick the same frame the one armed first acts; the
// others have counted it all the same, so that a rule's n-th frame does not depend on other rules.
// A rule without an Action only watches: it hits what it picks and nothing else acts on, and never
// stands before a rule that acts.
type Rule struct {
	Name  string
	Owner int64 // of the caller's own use: whose rule it is, as events show it by their Rule
	Match
	Action Action
	Count  *Count // nil: of its own. Rules of several wires that share one count, and are limited, together
}

// Count is how many frames rules have picked from, and how often they have acted. The zero value is
// ready for use.
type Count struct{ seen, hits atomic.Uint64 }

// Armed is a rule in force.
type Armed struct {
	rule Rule
	wire *Wire

	count *Count
	hits  atomic.Uint64 // its own
	hit   chan struct{} // closed at the first of them
	gone  chan struct{} // closed by Remove: what the rule holds back flows again
	once  sync.Once

	mu   sync.Mutex
	tags map[tagKey]uint64 // deliveries and publishes of the message that Match.MessageID names
}

// tagKey names a channel and the direction in which its tags are settled.
type tagKey struct {
	conn uint32
	ch   uint16
	dir  Direction
}

// Rule gives the rule as it was armed.
func (a *Armed) Rule() Rule { return a.rule }

// Hits tells how often the rule has acted.
func (a *Armed) Hits() uint64 { return a.hits.Load() }

// Hit is closed when the rule has acted for the first time.
func (a *Armed) Hit() <-chan struct{} { return a.hit }

// Remove ends the rule: no further frame is touched, and what it stalls or delays flows again.
// Removing twice is harmless.
func (a *Armed) Remove() {
	a.once.Do(func() {
		a.wire.drop(a)
		close(a.gone)
	})
}

// picks decides whether e is one of the frames to act on. It counts, so ask once an event.
func (a *Armed) picks(e *Event, ordinal uint64) bool {
	m := &a.rule.Match
	if m.Method != AnyMethod && m.Method != e.Method || m.Method == AnyMethod && e.Method == Heartbeat {
		return false
	}
	if m.Conn != 0 && m.Conn != e.Conn || m.Chan != 0 && m.Chan != e.Chan || m.Dir != AnyDirection && m.Dir != e.Dir {
		return false
	}
	if m.MessageID != "" && !a.concerns(e) {
		return false
	}
	n := a.count.seen.Add(1)
	switch {
	case m.Every > 0:
		first := max(m.Nth, 1)
		if m.Nth == 0 {
			first = m.Every
		}
		if n < first || (n-first)%m.Every != 0 {
			return false
		}
	case m.Nth > 0 && n != m.Nth:
		return false
	}
	if m.Probability > 0 && m.Probability < 1 && chance(a.wire.cfg.Seed, a.rule.Name, e, ordinal) >= m.Probability {
		return false
	}
	return true
}

// strike counts a hit, unless the limit is used up.
func (a *Armed) strike() bool {
	for {
		n := a.count.hits.Load()
		if a.rule.Limit > 0 && n >= a.rule.Limit {
			return false
		}
		if a.count.hits.CompareAndSwap(n, n+1) {
			if a.hits.Add(1) == 1 {
				close(a.hit)
			}
			return true
		}
	}
}

// note remembers under which tag the message passes that the rule waits for, so that its settling
// can be recognised. Tags are the broker's for deliveries and the publish sequence for publishes.
func (a *Armed) note(e *Event) {
	if a.rule.MessageID == "" || string(e.MessageID) != a.rule.MessageID {
		return
	}
	tag := e.Tag
	if e.Method == BasicPublish {
		tag = e.Seq
	}
	if tag == 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.tags == nil {
		a.tags = map[tagKey]uint64{}
	}
	a.tags[tagKey{e.Conn, e.Chan, e.Dir.Other()}] = tag
}

// concerns tells whether e carries or settles the message that the rule waits for.
func (a *Armed) concerns(e *Event) bool {
	if e.MessageID != nil {
		return string(e.MessageID) == a.rule.MessageID
	}
	if e.Method != BasicAck && e.Method != BasicNack && e.Method != BasicReject {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	key := tagKey{e.Conn, e.Chan, e.Dir}
	tag, ok := a.tags[key]
	if !ok || e.Tag != tag && !(e.Multiple && (e.Tag > tag || e.Tag == 0)) {
		return false
	}
	delete(a.tags, key)
	return true
}
