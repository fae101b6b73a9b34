package check

import (
	"maps"
	"slices"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/history/track"
	"github.com/comeback-chaos/xk6-comeback/harness/recovery"
)

// summary is what is worked out once the pass is over and the windows are known.
type summary struct {
	windows   PerWindow[Span]
	totals    PerWindow[Totals]
	rates     PerWindow[Rate]
	latencies PerWindow[Latency]
	steady    *recovery.Range
	steadyErr error
	outcome   recovery.Outcome

	lostDead, lostAcked int64 // of the lost: dead-lettered, acked by the target
	lostHeld            int64 // of the lost: delivered to the target at least once
	doom                doom
	served              served
	lostExamples        examples
}

// names of the windows, as indexes while summing up.
const (
	before = iota
	during
	after
	windows
)

func (f *Facts) summarise() {
	for _, s := range []*stall{&f.stall, &f.under} {
		s.look(f.Last)
		s.finish(f.Last)
	}
	for _, id := range slices.Sorted(maps.Keys(f.wires.conns)) {
		f.forgetAll(f.wires.conns[id])
	}
	f.urgency.finish()
	f.cutWindows()
	f.countMessages()
	f.discount()
	f.measure()
	if want := f.Meta.Sweep; want != nil {
		f.sweep = f.swept.report(want, f.Meta.Seed)
	}
}

// cutWindows finds the windows' borders. Before LoadBegin nothing is offered, so nothing is before it.
func (f *Facts) cutWindows() {
	from, to := f.LoadBegan, f.LoadEnded
	if from == never {
		from = max(0, f.Began)
	}
	if to == never {
		to = max(from, f.Last)
	}
	inject, heal := f.faults.span()
	if inject == never {
		inject, heal = to, to
	} else if !f.faults.healed() {
		heal = to // never over
	}
	inject = min(max(inject, from), to)
	heal = min(max(heal, inject), to)
	f.windows = PerWindow[Span]{
		Before: Span{from, inject}, During: Span{inject, heal}, After: Span{heal, to}, Total: Span{from, to},
	}
}

// windowOf gives the window of a time; what is later than the load's end is after.
func (f *Facts) windowOf(at time.Duration) int {
	noFault := len(f.faults.list) == 0
	switch {
	case at < f.windows.Before.To || noFault:
		return before
	case at < f.windows.During.To || !f.faults.healed():
		return during
	default:
		return after
	}
}

// countMessages goes over every message once.
func (f *Facts) countMessages() {
	var totals [windows]Totals
	var hist [windows]track.Histogram
	var all track.Histogram
	var effects [windows]int64
	for id, m := range f.ledger.messages.All() {
		if m.state&(offered|published) == 0 {
			continue
		}
		w := f.windowOf(m.offered)
		f.countMessage(&totals[w], id, m)
		if s := f.Meta.Expect.Serving; s != nil && w == during {
			f.served.see(id, m, s.Within)
		}
		if l := f.Meta.Expect.Latency; l != nil && (w == during || len(f.faults.list) == 0) {
			f.timed.see(id, m, f.requests.all.At(id), l)
		}
		if at := m.firstEffect(); at != never {
			hist[w].Add(at - m.offered)
			all.Add(at - m.offered)
			if at < f.windows.Total.To {
				effects[f.windowOf(at)]++
			}
		}
	}
	for _, at := range f.ledger.unexpected {
		totals[f.windowOf(at)].Unexpected++
	}
	var sum Totals
	for i := range totals {
		sum.add(&totals[i])
	}
	sum.Leftover, _ = f.sides.left()
	f.totals = PerWindow[Totals]{totals[before], totals[during], totals[after], sum}
	f.latencies = PerWindow[Latency]{percentiles(&hist[before]), percentiles(&hist[during]), percentiles(&hist[after]), percentiles(&all)}
	w := &f.windows
	f.rates = PerWindow[Rate]{
		rate(w.Before, totals[before].Offered, effects[before]), rate(w.During, totals[during].Offered, effects[during]),
		rate(w.After, totals[after].Offered, effects[after]),
		rate(w.Total, sum.Offered, effects[before]+effects[during]+effects[after]),
	}
}

func (f *Facts) countMessage(t *Totals, id history.MsgID, m *message) {
	one := func(n *int64, yes bool) {
		if yes {
			*n++
		}
	}
	t.Offered++
	one(&t.Published, m.state.has(published))
	one(&t.Unsent, !m.state.has(published))
	one(&t.Refused, m.state.has(refused))
	one(&t.Confirmed, m.state.has(confirmed) && !m.state.has(refused))
	one(&t.Unknown, m.state.has(published) && m.state&(confirmed|refused) == 0)
	one(&t.Delivered, m.state.has(delivered))
	one(&t.Effects, m.effects > 0)
	one(&t.Duplicates, m.effects > 1)
	one(&t.DeadLettered, m.state.has(deadLettered))
	f.doom.see(id, m, f.ledger.dead[id])
	if f.Meta.HTTP {
		end := f.requests.all.At(id).end
		one(&t.TurnedAway, end == inTurnedAway)
		one(&t.BadAnswers, end == inBadAnswer)
		one(&t.NoAnswers, end == inNoAnswer)
	}
	t.Redelivered += int64(m.redelivered)
	if m.redelivered == 255 {
		t.Redelivered += f.ledger.often[id]
	}
	if !m.lost() {
		return
	}
	t.Lost++
	if m.state.has(delivered) {
		f.lostHeld++
	}
	fate := "not acked by the target"
	switch {
	case m.state.has(deadLettered):
		f.lostDead++
		fate = "dead-lettered"
	case m.state.has(acked):
		f.lostAcked++
		fate = "acked by the target"
	case !m.state.has(delivered):
		fate = "never delivered"
	}
	f.lostExamples.add("%s: offered at %s, confirmed, %s, no effect", id, clock(m.offered), fate)
}

func (t *Totals) add(u *Totals) {
	t.Offered += u.Offered
	t.Unsent += u.Unsent
	t.Published += u.Published
	t.Confirmed += u.Confirmed
	t.Unknown += u.Unknown
	t.Refused += u.Refused
	t.Delivered += u.Delivered
	t.Redelivered += u.Redelivered
	t.Effects += u.Effects
	t.Duplicates += u.Duplicates
	t.Lost += u.Lost
	t.DeadLettered += u.DeadLettered
	t.Unexpected += u.Unexpected
	t.Leftover += u.Leftover
	t.TurnedAway += u.TurnedAway
	t.BadAnswers += u.BadAnswers
	t.NoAnswers += u.NoAnswers
}

func percentiles(h *track.Histogram) Latency {
	return Latency{Count: h.Count(), P50: h.Quantile(0.5), P90: h.Quantile(0.9), P99: h.Quantile(0.99), Max: h.Max()}
}

func rate(s Span, offered, effects int64) Rate {
	seconds := s.Length().Seconds()
	if seconds == 0 {
		return Rate{}
	}
	return Rate{Offered: float64(offered) / seconds, Effects: float64(effects) / seconds}
}

// discount takes out of the backlog what can no longer have an effect: no-loss judges it, and it must
// not look like work that waits. Where queues were found empty at the end, nothing waits.
func (f *Facts) discount() {
	left, looked := f.sides.left()
	for id, m := range f.ledger.messages.All() {
		if m.effects > 0 || m.state&(offered|published) == 0 {
			continue
		}
		if looked && left == 0 || !m.lost() || m.state&(deadLettered|acked) != 0 {
			f.series.Discount(id)
		}
	}
}

// measure measures the recovery from the last heal.
func (f *Facts) measure() {
	steady, err := recovery.Steady(&f.series, f.windows.Before.From, f.windows.Before.To)
	if err != nil {
		f.steadyErr = err
		f.outcome.Reason = "no steady state to come back to: " + err.Error()
		return
	}
	f.steady = &steady
	_, heal := f.faults.span()
	switch {
	case len(f.faults.list) == 0:
		f.outcome.Reason = "no fault was injected, so there is nothing to recover from"
	case !f.faults.healed():
		f.outcome.Reason = "a fault was never healed, so the recovery cannot have begun"
	default:
		f.outcome = recovery.Measure(&f.series, steady, heal, recovery.Hold)
	}
}
