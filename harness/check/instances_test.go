package check_test

import (
	"slices"
	"testing"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/check"
	. "github.com/comeback-chaos/xk6-comeback/harness/history" //nolint:revive // see row_test.go
)

const second = 3 // connection of consumer/1

// joined is another instance of the target.
func joined(at time.Duration) []Event {
	return []Event{
		{At: at, Kind: ConnOpen, Conn: second, Who: "consumer/1"},
		{At: at, Kind: ChanOpen, Conn: second, Chan: 1},
		{At: at, Kind: Consume, Conn: second, Chan: 1, Who: "jobs"},
	}
}

// via moves events to another connection.
func via(conn uint32, events []Event) []Event {
	events = slices.Clone(events)
	for i := range events {
		events[i].Conn = conn
	}
	return events
}

func asked(at, within time.Duration) []Event {
	return one(Event{At: at, Kind: ProcAsk, Who: "consumer/0", N: 7, Code: int32(within / ms), Text: "SIGTERM"})
}

func ended(at time.Duration, code int32) []Event {
	return one(Event{At: at, Kind: ProcExit, Who: "consumer/0", N: 7, Code: code, Flags: Expected})
}

func TestCleanExit(t *testing.T) {
	t.Parallel()
	withdrawn := one(Event{At: 2 * sec, Kind: ProcAsk, Who: "consumer/0", N: 7, Flags: Withdrawn})
	judgeRows(t, "clean-exit", all, []row{
		{name: "in time", events: [][]Event{asked(sec, 2*sec), ended(2*sec, 0)}, want: check.Pass, says: "the slowest after 1.000s"},
		{name: "however long it takes", events: [][]Event{asked(sec, 0), ended(20*sec, 0)}, want: check.Pass},
		{name: "by its signal", events: [][]Event{asked(sec, 2*sec), ended(2*sec, 143)}, want: check.Fail, says: "code 143"},
		{name: "killed after its grace", events: [][]Event{asked(sec, 2*sec), ended(3*sec, 137)}, want: check.Fail, says: "2.000s later with code 137"},
		{name: "too late", events: [][]Event{asked(sec, 2*sec), ended(3*sec+ms, 0)}, want: check.Fail, says: "it had 2s"},
		{name: "never", events: [][]Event{asked(sec, 2*sec)}, want: check.Fail, says: "never did"},
		{name: "the pid's process before", events: [][]Event{ended(ms, 0), asked(sec, 2*sec)}, want: check.Fail, says: "never did"},
		{
			name: "one withdrawn, one in time", want: check.Pass, says: "1 process",
			events: [][]Event{asked(sec, sec), withdrawn, asked(3*sec, 2*sec), ended(4*sec, 0)},
		},
		{
			name: "the history ends first", bare: true, want: check.Unknown, says: "had not when the history ends",
			events: [][]Event{{{Kind: Begin}, {Kind: LoadBegin}}, asked(sec, 2*sec)},
		},
	})
}

func TestTakeover(t *testing.T) {
	t.Parallel()
	expect := Expect{Takeover: sec}
	lost := one(Event{At: sec, Kind: ConnClose, Conn: target})
	held := slices.Concat(joined(0), sent(ms, 1), delivered(2*ms, 1))
	judgeRows(t, "takeover", all, []row{
		{
			name: "by another", expect: expect, want: check.Pass, says: "at most 0.500s later",
			events: [][]Event{held, lost, via(second, delivered(1100*ms, 1)), effect(1500*ms, 1), done(3*sec, 2)},
		},
		{
			name: "too late", expect: expect, want: check.Fail, says: "held by consumer/0 until 1.000s (its channel ended), effect 1.500s later",
			events: [][]Event{held, lost, via(second, delivered(1100*ms, 1)), effect(2500*ms, 1)},
		},
		{
			name: "never", expect: expect, want: check.Fail, says: "no effect after that",
			events: [][]Event{held, lost, one(Event{At: 3 * sec, Kind: Mark})},
		},
		{
			name: "kept by one that was asked to end", expect: expect, want: check.Fail, says: "(asked to end), effect 2.500s later",
			events: [][]Event{held, asked(sec, 5*sec), via(target, one(Event{At: 3 * sec, Kind: ConnClose})), effect(3500*ms, 1)},
		},
		{
			name: "finished by one that was asked to end", expect: expect, want: check.Pass,
			events: [][]Event{held, asked(sec, 5*sec), effect(1200*ms, 1), acked(1201*ms, 1)},
		},
		{
			name: "lost again on its way", expect: expect, want: check.Pass, says: "1 message",
			events: [][]Event{
				held, lost, via(second, delivered(1100*ms, 1)), one(Event{At: 1900 * ms, Kind: ConnClose, Conn: second}), effect(2800*ms, 1),
			},
		},
		{
			name: "reported before", expect: expect, want: check.Unknown, says: "no instance held",
			events: [][]Event{held, effect(3*ms, 1), lost, done(3*sec, 2)},
		},
		{
			name: "given up when the load was over", expect: expect, want: check.Unknown, bare: true,
			events: [][]Event{{
				{Kind: Begin},
				{Kind: ConnOpen, Conn: target, Who: "consumer/0"},
				{Kind: LoadBegin},
				{At: ms, Kind: Deliver, Conn: target, Chan: 1, Tag: 1, Msg: 1},
				{At: sec, Kind: LoadEnd},
				{At: sec, Kind: ConnClose, Conn: target},
				{At: 2 * sec, Kind: End},
			}},
		},
	})
}

func TestFairShare(t *testing.T) {
	t.Parallel()
	expect := Expect{FairShare: 0.5}
	many := func(from time.Duration, first, n int, conn uint32) []Event {
		var events []Event
		for i := range n {
			events = append(events, via(conn, delivered(from+time.Duration(i)*ms, first+i))...)
		}
		return events
	}
	broken := slices.Concat(joined(0), fault(sec, 2*sec))
	judgeRows(t, "fair-share", all, []row{
		{
			name: "alike", expect: expect, want: check.Pass, says: "100 %",
			events: [][]Event{broken, many(3*sec, 1, 20, target), many(3*sec, 21, 20, second)},
		},
		{
			name: "one is left out", expect: expect, want: check.Fail, says: "consumer/1 was given 10 % of its share",
			events: [][]Event{broken, many(3*sec, 1, 38, target), many(3*sec, 41, 2, second)},
		},
		{
			name: "before the fault was gone does not count", expect: expect, want: check.Fail, says: "consumer/0 was given 0 %",
			events: [][]Event{broken, many(500*ms, 1, 90, target), many(3*sec, 100, 30, second)},
		},
		{
			name: "too few", expect: expect, want: check.Unknown, says: "only 19 deliveries to 2",
			events: [][]Event{broken, many(3*sec, 1, 10, target), many(3*sec, 21, 9, second)},
		},
		{
			name: "alone", expect: expect, want: check.Unknown, says: "it takes two",
			events: [][]Event{fault(sec, 2*sec), many(3*sec, 1, 50, target)},
		},
		{
			name: "never healed", expect: expect, want: check.Unknown, says: "not every fault was healed",
			events: [][]Event{joined(0), fault(sec, 2*sec)[:2], many(3*sec, 1, 20, target), many(3*sec, 21, 20, second)},
		},
		{
			name: "never gone, as one takes nothing any more", expect: expect, want: check.Fail, says: "consumer/0 was given 0 %",
			events: [][]Event{joined(0), fault(sec, 2*sec)[:3], many(1500*ms, 1, 40, target), many(3*sec, 100, 40, second)},
		},
	})
}

func TestServing(t *testing.T) {
	t.Parallel()
	expect := Expect{Serving: &Serving{Share: 0.9, Within: 500 * ms}}
	offers := func(from time.Duration, first, n int, after time.Duration) []Event {
		var events []Event
		for i := range n {
			events = append(events, sent(from, first+i)...)
			events = append(events, effect(from+after, first+i)...)
		}
		return events
	}
	judgeRows(t, "serving", all, []row{
		{
			name: "goes on", expect: expect, want: check.Pass, says: "18 of 20 messages",
			events: [][]Event{fault(sec, 4*sec), offers(2*sec, 1, 18, 500*ms), offers(2*sec, 19, 2, sec)},
		},
		{
			name: "too many wait", expect: expect, want: check.Fail, says: "m18: offered at 2.000s, effect 1.000s later",
			events: [][]Event{fault(sec, 4*sec), offers(2*sec, 1, 17, ms), offers(2*sec, 18, 3, sec)},
		},
		{
			name: "too many are not done at all", expect: expect, want: check.Fail, says: "no effect",
			events: [][]Event{fault(sec, 4*sec), offers(2*sec, 1, 17, ms), sent(2*sec, 18), sent(2*sec, 19), sent(2*sec, 20)},
		},
		{
			name: "before and after do not count", expect: expect, want: check.Unknown, says: "only 2 confirmed messages",
			events: [][]Event{fault(sec, 4*sec), offers(ms, 1, 30, ms), offers(2*sec, 31, 2, ms), offers(5*sec, 41, 30, ms)},
		},
		{
			name: "nor do those that the broker never took", expect: expect, want: check.Pass, says: "20 of 20",
			events: [][]Event{fault(sec, 4*sec), offers(2*sec, 1, 20, ms), unconfirmed(2*sec, 21), unconfirmed(2*sec, 22), unconfirmed(2*sec, 23)},
		},
	})
}
