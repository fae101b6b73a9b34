package check

import (
	"math"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/history/track"
	"github.com/comeback-chaos/xk6-comeback/harness/recovery"
)

// ledger is the account of every message by its identity: offered, published, confirmed, delivered,
// effects. It is most of what judging costs in memory, so an entry is 16 bytes.
type ledger struct {
	messages   track.Table[message]
	often      map[history.MsgID]int64 // redeliveries that an entry's byte has no room for
	dead       map[history.MsgID]int   // copies in the dead-letter queue
	deliveries int64
	effects    int64
	reports    int64           // effects, replays and refusals
	broken     int64           // reports that were no whole result
	unexpected []time.Duration // when effects of messages that nobody offered came; nil mostly

	duplicateExamples, unexpectedExamples, brokenExamples examples
}

type message struct {
	offered     time.Duration
	latency     uint32 // offer → first effect in µs, plus 1; 0: no effect
	effects     uint8  // at most 255
	redelivered uint8  // at most 255, the rest is in often
	copies      uint8  // copies of it that the target published and has not acked the original for
	state       state
}

// state is a set of what happened to a message.
type state uint8

const (
	offered state = 1 << iota
	published
	confirmed
	refused // nacked or returned by the broker
	delivered
	acked // by the target, for good: no copy, not delivered again
	deadLettered
	doomed // a correct target dead-letters it
)

func (s state) has(want state) bool { return s&want == want }

func (l *ledger) see(e *history.Event) {
	m := l.messages.At(e.Msg)
	switch e.Kind {
	case history.Offer:
		l.offer(m, e.At)
		if e.Flags.Has(history.Doomed) {
			m.state |= doomed
		}
	case history.Return:
		if !e.Flags.Has(history.Synthetic) {
			m.state |= refused
		}
	case history.DeadLetter:
		m.state |= deadLettered
		if l.dead == nil {
			l.dead = make(map[history.MsgID]int)
		}
		l.dead[e.Msg]++
	}
}

func (l *ledger) offer(m *message, at time.Duration) {
	if m.state&(offered|published) == 0 {
		m.offered = at
	}
	m.state |= offered
}

// publish notes that the load sent a message.
func (l *ledger) publish(e *history.Event) {
	if e.Msg == 0 {
		return // without a message-id: all that is known of it is that it was offered
	}
	m := l.messages.At(e.Msg)
	if m.state&(offered|published) == 0 {
		m.offered = e.At
	}
	m.state |= published
}

// confirm notes the broker's answer to the load.
func (l *ledger) confirm(id history.MsgID, kind history.Kind) {
	if id == 0 {
		return
	}
	answer := confirmed
	if kind == history.Refuse {
		answer = refused
	}
	l.messages.At(id).state |= answer
}

// deliver notes that the target got a message, and tells whether it had its effect before.
func (l *ledger) deliver(e *history.Event) (done bool) {
	l.deliveries++
	m := l.messages.At(e.Msg)
	m.state = m.state&^acked | delivered
	done = m.effects > 0
	if e.Flags.Has(history.Redelivered) {
		l.again(e.Msg, m)
	}
	return done
}

// again notes that the target, or a backend of its, got a message one more time.
func (l *ledger) again(id history.MsgID, m *message) {
	if m.redelivered < math.MaxUint8 {
		m.redelivered++
		return
	}
	if l.often == nil {
		l.often = make(map[history.MsgID]int64)
	}
	l.often[id]++
}

// copied notes that the target published a message itself, to retry it or to dead-letter it.
func (l *ledger) copied(id history.MsgID) {
	if m := l.messages.At(id); m.copies < math.MaxUint8 {
		m.copies++
	}
}

// ack notes that the target is done with a message, and tells whether it may be: it had its effect, or
// the target made a copy of it first. Messages that nobody offered have no effect to wait for.
func (l *ledger) ack(id history.MsgID) bool {
	m := l.messages.At(id)
	if m.copies > 0 {
		m.copies--
		return true
	}
	m.state |= acked
	return m.effects > 0 || m.state&(offered|published) == 0
}

// effect notes what a sink accepted, and tells whether the message has had its effect.
func (l *ledger) effect(e *history.Event) (done bool) {
	m := l.messages.At(e.Msg)
	l.reports++
	if e.Flags.Has(history.Refused | history.Broken) {
		l.broken++
		l.brokenExamples.add("%s: %s refused a report of %s with %d", clock(e.At), e.Who, e.Msg, e.Code)
	}
	if !recovery.Counts(e) {
		return m.effects > 0
	}
	l.effects++
	if m.state&(offered|published) == 0 {
		l.unexpected = append(l.unexpected, e.At)
		l.unexpectedExamples.add("%s at %s: effect at %s, never offered", e.Msg, e.Who, clock(e.At))
		return false
	}
	if m.effects == 0 {
		m.latency = uint32(min(max(0, e.At-m.offered)/time.Microsecond, math.MaxUint32-1)) + 1
	} else {
		l.duplicateExamples.add("%s: first effect at %s, another at %s (%s%s)",
			e.Msg, clock(m.firstEffect()), clock(e.At), e.Who, keyed(e.Text))
	}
	if m.effects < math.MaxUint8 {
		m.effects++
	}
	return true
}

func keyed(key string) string {
	if key == "" {
		return ""
	}
	return ", key " + key
}

// firstEffect is exact to a microsecond, and never when there is none.
func (m *message) firstEffect() time.Duration {
	if m.latency == 0 {
		return never
	}
	return m.offered + time.Duration(m.latency-1)*time.Microsecond
}

// lost tells whether the broker took responsibility for a message, and it had no effect although it
// should have had one.
func (m *message) lost() bool {
	return m.state.has(confirmed) && m.state&(refused|doomed) == 0 && m.effects == 0
}
