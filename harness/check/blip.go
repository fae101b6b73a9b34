package check

import (
	"slices"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// passedOver is how many requests others take while a backend takes none that is out of rotation.
const passedOver = 10

// healthAnswer is what a backend said of its health.
type healthAnswer struct {
	at, took time.Duration
	good     bool
}

func (f *Facts) wellOrIll(e *history.Event) {
	r := &f.requests
	if f.Meta.Expect.Rotation == nil {
		return
	}
	if r.health == nil {
		r.health = map[string][]healthAnswer{}
	}
	r.health[e.Who] = append(r.health[e.Who], healthAnswer{e.At, time.Duration(e.N) * time.Microsecond, e.Code >= 200 && e.Code < 400})
}

// illness tells how many health checks in a row a backend failed of a fault. One that is dead, or hangs, says
// nothing: an answer that is overdue is a failed one.
func (r *requests) illness(x Fault, name string, want *history.Rotation) (failed int) {
	row, last := 0, x.Inject
	overdue := func(at time.Duration) { // at is when something came that should have come before
		row += max(0, int((at-last-want.Timeout)/want.Interval))
		failed = max(failed, row)
	}
	for _, a := range r.health[name] {
		if a.at < x.Inject || a.at > x.Heal+want.Timeout {
			continue
		}
		overdue(a.at)
		if row++; a.good && a.took <= want.Timeout {
			row = 0
		}
		failed, last = max(failed, row), a.at
	}
	overdue(x.Heal)
	return failed
}

// judgeBlip wants a backend to be in rotation all the time, since too few of its health checks failed.
func (f *Facts) judgeBlip(x Fault, name string, failed int) Result {
	want, takes := f.Meta.Expect.Rotation, f.requests.by[name]
	end := f.windows.Total.To
	for _, y := range f.faults.list {
		if other, ok := backendOf(y); ok && other == name && y.Inject > x.Inject {
			end = min(end, y.Inject)
		}
	}
	if least := time.Duration(want.Unhealthy)*(want.Interval+want.Timeout) + want.Interval; end-x.Inject < least {
		return unknown("%s was looked at for only %s after it was made ill at %s, wanted %v", name, clock(end-x.Inject), clock(x.Inject), least)
	}
	last := never
	for _, at := range append(slices.Clone(takes), end) {
		switch {
		case at <= x.Inject:
			last = at
			continue
		case last == never || last < x.Inject-want.Interval:
			return unknown("%s had no request in the %v before it was made ill at %s", name, want.Interval, clock(x.Inject))
		case at > end:
			continue
		}
		if n := f.requests.others(name, last, at); at-last > want.Interval+rotationSlack && n >= passedOver {
			return fail(nil, "%s had no request for %s from %s on, while others had %d: it failed %s in a row, which is no illness (wanted %d)",
				name, clock(at-last), clock(last), n, count(failed, "health check"), want.Unhealthy)
		}
		last = at
	}
	return pass("%s failed %s in a row and stayed in rotation (out after %d)", name, count(failed, "health check"), want.Unhealthy)
}

// others counts what other backends took within a time.
func (r *requests) others(name string, from, to time.Duration) (n int) {
	for who, takes := range r.by {
		if who == name {
			continue
		}
		first, _ := slices.BinarySearch(takes, from)
		last, _ := slices.BinarySearch(takes, to)
		n += last - first
	}
	return n
}
