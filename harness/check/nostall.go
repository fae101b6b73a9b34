package check

import "time"

var noStall = Check{
	Name: "no-stall",
	Doc: `While no fault is on, there is no standstill longer than expect.stall (2 s): a queue with ready messages and a live
consumer, yet nothing delivered, settled or done. A consumer is live if the broker counts one, or if an instance that
has consumed still has a connection: so one that silently stopped is caught. Nor does such a one leave confirmed
messages behind. Needs probes of the queue's depth. Several instances are not told apart: one that moves is enough (see fair-share).`,
	Applies: ofQueue,
	Judge:   judgeStall,
}

func judgeStall(f *Facts) Result {
	s, limit := &f.stall, f.stallLimit()
	if s.longest > limit {
		return fail(examples{"standstill from " + clock(s.longestAt) + " to " + clock(s.longestAt+s.longest)},
			"nothing moved for %s from %s on, with ready messages and a live consumer (limit %v)", clock(s.longest), clock(s.longestAt), limit)
	}
	if n, idle := f.leftBehind(); n > 0 && idle > limit {
		return fail(f.lostExamples, "%s left in queues, %d confirmed ones without effect, by a consumer that stayed connected and did nothing for %s (limit %v)",
			count(n, "message"), f.totals.Total.Lost, clock(idle), limit)
	}
	switch {
	case s.last == never:
		return unknown("nothing ever moved")
	case len(s.consumed) == 0 && f.wires.targets > 0:
		return unknown("the target never consumed, over %s", count(f.wires.targets, "connection"))
	case s.answers == 0:
		return unknown("no queue's depth is known from outside of the faults")
	case s.blind > limit:
		return unknown("nothing was seen for %s from %s on: no probe answered and nothing moved (limit %v)", clock(s.blind), clock(s.blindAt), limit)
	}
	return pass("the longest standstill was %s (limit %v, %d probes)", clock(s.longest), limit, s.answers)
}

// stallLimit is the longest standstill that the scenario allows.
func (f *Facts) stallLimit() time.Duration {
	if limit := f.Meta.Expect.Stall; limit > 0 {
		return limit
	}
	return defaultStall
}

// leftBehind gives what is still queued at the end where the target consumed, and for how long the
// target was there and did nothing about it.
func (f *Facts) leftBehind() (n int64, idle time.Duration) {
	s := &f.stall
	if s.faulty || s.last == never || f.totals.Total.Lost == 0 {
		return 0, 0
	}
	for _, l := range f.sides.leftover {
		if s.consumed[l.queue] {
			n += l.n
		}
	}
	until := s.liveEnd
	if s.live {
		until = f.Last
	}
	return n, until - max(s.last, s.judged)
}
