package check_test

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/harness/check"
	. "github.com/comeback-chaos/xk6-comeback/harness/history" //nolint:revive // hand-written histories are made of its names
)

const (
	ms  = time.Millisecond
	sec = time.Second

	load, target = 1, 2 // connections
)

// row is one small history and what a check must say about it.
type row struct {
	name   string
	expect Expect
	meta   func(*Meta)
	events [][]Event // in any order; the run's frame is added
	bare   bool      // no frame: the events are all
	want   check.Verdict
	says   string // part of the reason or of an example
}

// all stands for no verdict: a check gives all three.
const all check.Verdict = 99

// judgeRows judges every row by the check of this name. The rows must hold all three verdicts, but for
// the one that the check never gives.
func judgeRows(t *testing.T, name string, never check.Verdict, rows []row) {
	t.Helper()
	seen := map[check.Verdict]bool{check.Unknown: false, check.Pass: false, check.Fail: false}
	delete(seen, never)
	for _, r := range rows {
		seen[r.want] = true
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			j := r.judge()
			i := slices.IndexFunc(j.Results, func(x check.Result) bool { return x.Check == name })
			require.GreaterOrEqual(t, i, 0, "no result of %s", name)
			got := j.Results[i]
			require.Equal(t, r.want, got.Verdict, "%s %q", got.Reason, got.Examples)
			require.NotEmpty(t, got.Reason)
			text := got.Reason
			for _, x := range got.Examples {
				text += "\n" + x
			}
			require.Contains(t, text, r.says)
			require.LessOrEqual(t, len(got.Examples), 5)
			switch got.Verdict {
			case check.Fail:
				require.Equal(t, check.Fail, j.Verdict, "one that fails is enough")
			case check.Unknown:
				require.NotEqual(t, check.Pass, j.Verdict, "unknown outranks pass")
			}
		})
	}
	for verdict, has := range seen {
		require.True(t, has, "no row for %s", verdict)
	}
	require.NotContains(t, seen, never)
}

func (r row) judge() *check.Judgement {
	meta := Meta{Scenario: "row", Target: "consumer", Rate: 1, Duration: sec, Expect: r.expect}
	if r.meta != nil {
		r.meta(&meta)
	}
	events := slices.Concat(r.events...)
	slices.SortStableFunc(events, func(a, b Event) int { return cmp.Compare(a.At, b.At) })
	if !r.bare {
		events = frame(events)
	}
	return judgeAll(meta, events)
}

// frame puts a run around events: the connections of load and target at its begin, and its end.
func frame(events []Event) []Event {
	last := time.Duration(0)
	if n := len(events); n > 0 {
		last = events[n-1].At
	}
	return slices.Concat([]Event{
		{Kind: Begin},
		{Kind: ProcStart, Who: "consumer/0", N: 7},
		{Kind: ConnOpen, Conn: load, Who: "load"},
		{Kind: ConnOpen, Conn: target, Who: "consumer/0"},
		{Kind: ChanOpen, Conn: target, Chan: 1},
		{Kind: Consume, Conn: target, Chan: 1, Who: "jobs"},
		{Kind: LoadBegin},
	}, events, []Event{
		{At: last + ms, Kind: LoadEnd},
		{At: last + 2*ms, Kind: Leftover, Who: "jobs"},
		{At: last + 3*ms, Kind: End},
	})
}

// The steps of message n, at a time. Tags are the message's number.

func one(e Event) []Event { return []Event{e} }

func sent(at time.Duration, n int) []Event {
	id, tag := MsgID(n), uint64(n)
	return []Event{
		{At: at, Kind: Offer, Msg: id},
		{At: at, Kind: Publish, Conn: load, Chan: 1, Tag: tag, Msg: id},
		{At: at, Kind: Confirm, Conn: load, Chan: 1, Tag: tag},
	}
}

func unconfirmed(at time.Duration, n int) []Event { return sent(at, n)[:2] }

func delivered(at time.Duration, n int) []Event {
	return one(Event{At: at, Kind: Deliver, Conn: target, Chan: 1, Tag: uint64(n), Msg: MsgID(n)})
}

func effect(at time.Duration, n int) []Event {
	return one(Event{At: at, Kind: Effect, Msg: MsgID(n), Code: 201, Who: "api"})
}

func acked(at time.Duration, n int) []Event {
	return one(Event{At: at, Kind: Ack, Conn: target, Chan: 1, Tag: uint64(n)})
}

// done is a message's whole way.
func done(at time.Duration, n int) []Event {
	return slices.Concat(sent(at, n), delivered(at+ms, n), effect(at+2*ms, n), acked(at+3*ms, n))
}

// with gives the events with these flags set.
func with(f Flags, events []Event) []Event {
	events = slices.Clone(events)
	for i := range events {
		events[i].Flags |= f
	}
	return events
}

// fault is a whole fault's life, in effect and gone a millisecond after inject and heal.
func fault(inject, heal time.Duration) []Event {
	return []Event{
		{At: inject, Kind: Inject, N: 1, Who: "cut", Text: "{}"},
		{At: inject + ms, Kind: InEffect, N: 1, Who: "cut"},
		{At: heal, Kind: Heal, N: 1, Who: "cut"},
		{At: heal + ms, Kind: Gone, N: 1, Who: "cut"},
	}
}

// depth is a probe of the queue.
func depth(at time.Duration, ready int64, consumers int32) []Event {
	return one(Event{At: at, Kind: Depth, Who: "jobs", N: ready, Code: consumers})
}

// depths are probes every 100 ms.
func depths(from, to time.Duration, ready int64, consumers int32) []Event {
	var events []Event
	for at := from; at <= to; at += 100 * ms {
		events = append(events, depth(at, ready, consumers)...)
	}
	return events
}
