package check_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/harness/check"
	. "github.com/comeback-chaos/xk6-comeback/harness/history" //nolint:revive // see row_test.go
	"github.com/comeback-chaos/xk6-comeback/harness/recovery"
)

// without gives the events that are not of this kind.
func without(kind Kind, events []Event) []Event {
	return slices.DeleteFunc(slices.Clone(events), func(e Event) bool { return e.Kind == kind })
}

func TestFaultInEffect(t *testing.T) {
	t.Parallel()
	f := fault(10*ms, 20*ms)
	judgeRows(t, "fault-in-effect", all, []row{
		{name: "seen", events: [][]Event{f}, want: check.Pass, says: "at most 0.001s"},
		{name: "never seen", events: [][]Event{without(InEffect, f)}, want: check.Unknown, says: "fault cut (1), injected at 0.010s"},
		{name: "one of two never seen", want: check.Unknown, says: "slow (2)", events: [][]Event{
			f, one(Event{At: 12 * ms, Kind: Inject, N: 2, Who: "slow"})}},
		{name: "none", want: check.Unknown, says: "no fault"},
		{name: "effect of another fault", want: check.Unknown, events: [][]Event{
			without(InEffect, f), one(Event{At: 12 * ms, Kind: InEffect, N: 3})}},
		{name: "control run", expect: Expect{NoFault: true}, want: check.Pass},
		{name: "control run with a fault", expect: Expect{NoFault: true}, events: [][]Event{f}, want: check.Fail, says: "first cut at 0.010s"},
	})
}

func TestFaultGone(t *testing.T) {
	t.Parallel()
	f := fault(10*ms, 20*ms)
	outlived := one(Event{At: 30 * ms, Kind: Outlived, N: 1})
	judgeRows(t, "fault-gone", all, []row{
		{name: "gone", events: [][]Event{f}, want: check.Pass},
		{name: "outlived", events: [][]Event{without(Gone, f), outlived}, want: check.Fail, says: "still there at 0.030s, after its heal at 0.020s"},
		{name: "outlived and then gone", events: [][]Event{f, outlived}, want: check.Fail},
		{name: "touched long after its heal", want: check.Fail, says: "still there at 0.271s, after its heal at 0.020s", events: [][]Event{
			f, one(Event{At: 271 * ms, Kind: Touch, N: 1, Conn: target})}},
		{name: "touched what was decided before", events: [][]Event{f, one(Event{At: 270 * ms, Kind: Touch, N: 1, Conn: target})}, want: check.Pass},
		{name: "another's touch", want: check.Pass, events: [][]Event{
			f, one(Event{At: 400 * ms, Kind: Touch, N: 2, Conn: target})}},
		{name: "healed after the load", events: [][]Event{
			fault(10*ms, 30*ms), one(Event{At: 20 * ms, Kind: LoadEnd})}, want: check.Unknown, says: "after the load had ended"},
		{name: "never healed", events: [][]Event{without(Gone, without(Heal, f))}, want: check.Unknown, says: "never healed"},
		{name: "not seen to be gone", events: [][]Event{without(Gone, f)}, want: check.Unknown, says: "never seen to be gone"},
		{name: "none", want: check.Unknown},
	})
	control := row{expect: Expect{NoFault: true}}.judge()
	require.False(t, slices.ContainsFunc(control.Results, func(r check.Result) bool { return r.Check == "fault-gone" }))
}

func TestInFlight(t *testing.T) {
	t.Parallel()
	expect := Expect{InFlight: true}
	held := slices.Concat(sent(1*ms, 1), delivered(2*ms, 1))
	judgeRows(t, "in-flight", check.Fail, []row{
		{name: "held", expect: expect, events: [][]Event{held, fault(10*ms, 20*ms)}, want: check.Pass, says: "1 message"},
		{name: "delivered while the fault waits", expect: expect, want: check.Pass, events: [][]Event{
			fault(1*ms, 20*ms), one(Event{At: 1500 * time.Microsecond, Kind: Deliver, Conn: target, Chan: 1, Tag: 1, Msg: 1})}},
		{name: "settled before", expect: expect, events: [][]Event{held, acked(3*ms, 1), fault(10*ms, 20*ms)}, want: check.Unknown, says: "nothing was in flight"},
		{name: "channel gone before", expect: expect, want: check.Unknown, events: [][]Event{
			held, on(3*ms, ChanClose, 1, 0, 0), on(4*ms, ChanOpen, 1, 0, 0), fault(10*ms, 20*ms)}},
		{name: "connection gone before", expect: expect, want: check.Unknown, events: [][]Event{
			held, one(Event{At: 3 * ms, Kind: ConnClose, Conn: target}), fault(10*ms, 20*ms)}},
		{name: "delivered later", expect: expect, events: [][]Event{fault(10*ms, 20*ms), delivered(15*ms, 1)}, want: check.Unknown},
		{name: "load's are not the target's", expect: expect, events: [][]Event{unconfirmed(1*ms, 1), fault(10*ms, 20*ms)}, want: check.Unknown},
		{name: "never in effect", expect: expect, events: [][]Event{held, without(InEffect, fault(10*ms, 20*ms))}, want: check.Unknown},
		{name: "no fault", expect: expect, events: [][]Event{held}, want: check.Unknown},
	})
}

func TestRecovered(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		known recovery.Known
		edit  func([]Event) []Event
		limit time.Duration
		clock time.Duration // expect.known
		want  check.Verdict
		says  string
	}{
		"known, and measured":  {known: recovery.Known{Recovery: 500 * ms}, limit: sec, clock: 490 * ms, want: check.Pass, says: "off by +0.0"},
		"known, and mistaken":  {known: recovery.Known{Recovery: 500 * ms}, limit: sec, clock: 100 * ms, want: check.Unknown, says: "the clock is off"},
		"known, and too early": {known: recovery.Known{Recovery: 100 * ms}, limit: sec, clock: 900 * ms, want: check.Unknown, says: "the clock is off"},
		"in time":              {known: recovery.Known{Recovery: 500 * ms}, limit: sec, want: check.Pass, says: "recovered 0.5"},
		"too late":             {known: recovery.Known{Recovery: 2 * sec}, limit: sec, want: check.Fail, says: "wanted within 1s"},
		"never":                {known: recovery.Known{Recovery: -1, After: 4 * sec}, limit: sec, want: check.Fail, says: "not recovered"},
		"not in a short load":  {known: recovery.Known{Recovery: -1, After: 2 * sec}, limit: 4 * sec, want: check.Unknown, says: "the load ended"},
		"relapse":              {known: recovery.Known{Recovery: 500 * ms, Relapse: 2 * sec, After: 5 * sec}, limit: sec, want: check.Fail, says: "but out of it again"},
		"no before":            {known: recovery.Known{Before: 300 * ms}, limit: sec, want: check.Unknown, says: "no steady state"},
		"load too short":       {known: recovery.Known{After: 700 * ms}, limit: sec, want: check.Unknown, says: "only 0.700s of load after the heal"},
		"never healed": {known: recovery.Known{}, limit: sec, want: check.Unknown, says: "never healed",
			edit: func(e []Event) []Event { return without(Heal, e) }},
		"no fault": {known: recovery.Known{}, limit: sec, want: check.Unknown, says: "no fault",
			edit: func(e []Event) []Event { return without(Heal, without(Inject, e)) }},
		"cut short": {known: recovery.Known{Recovery: 500 * ms}, limit: sec, want: check.Unknown, says: "ends before the run did",
			edit: func(e []Event) []Event { return without(End, e) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			meta, events := c.known.Meta(), c.known.Events()
			meta.Expect.Recovery, meta.Expect.Known = c.limit, c.clock
			if c.edit != nil {
				events = c.edit(events)
			}
			j := judgeAll(meta, events)
			i := slices.IndexFunc(j.Results, func(r check.Result) bool { return r.Check == "recovered" })
			require.Equal(t, c.want, j.Results[i].Verdict, j.Results[i].Reason)
			require.Contains(t, j.Results[i].Reason, c.says)
		})
	}
}

func TestWindows(t *testing.T) {
	t.Parallel()
	late := one(Event{At: 45 * ms, Kind: Effect, Msg: 99, Who: "api"}) // unexpected, after
	j := row{events: [][]Event{
		done(1*ms, 1), done(5*ms, 2), fault(10*ms, 40*ms), unconfirmed(20*ms, 3), sent(21*ms, 4), delivered(22*ms, 4),
		effect(41*ms, 4), with(Redelivered, delivered(42*ms, 4)), effect(43*ms, 4), done(42*ms, 5), late,
		one(Event{At: 60 * ms, Kind: Inject, N: 2, Who: "slow"}), done(65*ms, 6), one(Event{At: 70 * ms, Kind: Heal, N: 2}),
		done(80*ms, 7), one(Event{At: 80 * ms, Kind: Offer, Msg: 8}),
	}}.judge()
	require.Equal(t, check.PerWindow[check.Span]{
		Before: check.Span{To: 10 * ms}, During: check.Span{From: 10 * ms, To: 70 * ms},
		After: check.Span{From: 70 * ms, To: 84 * ms}, Total: check.Span{To: 84 * ms},
	}, j.Windows)
	require.Equal(t, check.Totals{Offered: 2, Published: 2, Confirmed: 2, Delivered: 2, Effects: 2}, j.Ledger.Before)
	require.Equal(t, check.Totals{Offered: 4, Published: 4, Confirmed: 3, Unknown: 1, Delivered: 3, Redelivered: 1,
		Effects: 3, Duplicates: 1, Unexpected: 1}, j.Ledger.During)
	require.Equal(t, check.Totals{Offered: 2, Unsent: 1, Published: 1, Confirmed: 1, Delivered: 1, Effects: 1}, j.Ledger.After)
	require.Equal(t, check.Totals{Offered: 8, Unsent: 1, Published: 7, Confirmed: 6, Unknown: 1, Delivered: 6, Redelivered: 1,
		Effects: 6, Duplicates: 1, Unexpected: 1}, j.Ledger.Total)
	require.Equal(t, 20*ms, j.Latency.During.Max)
	require.EqualValues(t, 3, j.Latency.During.Count)
	require.InDelta(t, 200, j.Rate.Before.Effects, 1e-9)
	require.Len(t, j.Faults, 2)
	require.Equal(t, time.Duration(-1), j.Faults[1].InEffect)
}

func TestWindowsOfAFaultThatIsNeverHealed(t *testing.T) {
	t.Parallel()
	j := row{events: [][]Event{done(1*ms, 1), without(Heal, fault(10*ms, 40*ms)), done(50*ms, 2), done(90*ms, 3)}}.judge()
	require.Equal(t, check.Span{From: 10 * ms, To: 94 * ms}, j.Windows.During)
	require.Zero(t, j.Windows.After.Length())
	require.EqualValues(t, 2, j.Ledger.During.Offered)
	require.Zero(t, j.Ledger.After)
}

func TestWindowsOfAControlRun(t *testing.T) {
	t.Parallel()
	j := row{expect: Expect{NoFault: true}, events: [][]Event{done(1*ms, 1), done(50*ms, 2)}}.judge()
	require.Equal(t, check.Span{To: 54 * ms}, j.Windows.Before)
	require.Equal(t, j.Ledger.Total, j.Ledger.Before)
}
