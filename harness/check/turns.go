package check

import (
	"slices"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// turns are when a backend has to be out of rotation and in again, by the health checks that it saw.
type turns struct {
	almost time.Duration // the last bad check but one was known: it is still in
	out    time.Duration
	in     time.Duration
}

// turnsOf reads them off the checks that came since the fault.
func (r *requests) turnsOf(x Fault, name string, want *history.Rotation) turns {
	t := turns{never, never, never}
	checks := slices.Clone(r.health[name])
	slices.SortFunc(checks, func(a, b healthAnswer) int { return int(a.at - a.took - b.at + b.took) })
	row := 0
	for _, c := range checks {
		came, bad := c.at-c.took, !c.good || c.took > want.Timeout
		if came < x.Inject {
			continue
		}
		if known := came + min(c.took, want.Timeout); t.out == never {
			if row++; !bad {
				row, t.almost = 0, never
			} else if row == want.Unhealthy {
				t.out, row = known, 0
			} else {
				t.almost = known
			}
			continue
		}
		if row++; bad {
			row = 0
		} else if row == want.Healthy {
			t.in = c.at
			break
		}
	}
	return t
}

// judgeTurns holds the requests that a backend took against that. One check more or less shows an interval sooner or
// later, so that what is half an interval off is as far from a correct proxy as from a faulty one, on a busy machine too.
func (f *Facts) judgeTurns(x Fault, name string) Result {
	want, r := f.Meta.Expect.Rotation, &f.requests
	t, slack := r.turnsOf(x, name, want), want.Interval/2
	if t.out == never || t.in == never {
		return unknown("%s did not see the %d bad and %d good checks that turn it out and in", name, want.Unhealthy, want.Healthy)
	}
	middle := (t.almost + t.out) / 2
	between, wrong, next := 0, never, never
	for _, at := range r.by[name] {
		switch {
		case t.almost != never && at > middle && at <= t.out:
			between++
		case at >= t.in-slack && next == never:
			next = at
		case at > t.out+slack && at < t.in && wrong == never:
			wrong = at
		}
	}
	switch {
	case t.almost != never && between == 0 && r.others(name, middle, t.out) >= passedOver/2:
		return fail(nil, "%s was passed over after %d bad checks already, wanted %d", name, want.Unhealthy-1, want.Unhealthy)
	case wrong != never:
		return fail(nil, "%s had a request at %s, between its %d bad checks (%s) and its %d good ones (%s)",
			name, clock(wrong), want.Unhealthy, clock(t.out), want.Healthy, clock(t.in))
	case next == never || next-t.in > slack:
		return fail(nil, "%s had no request in the %v after its %d good checks", name, slack, want.Healthy)
	}
	return pass("%s was out after %d bad checks, and in %s after %d good ones", name, want.Unhealthy, clock(max(0, next-t.in)), want.Healthy)
}
