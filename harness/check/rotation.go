package check

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// rotationSlack is what a busy machine may add to a time that is computed from settings.
const rotationSlack = 100 * time.Millisecond

var rotation = Check{
	Name: "rotation",
	Doc: `A backend that a fault made ill was out of rotation, and back in it once it was well, at the times that follow from the
settings of the target's health checks (expect.rotation): its last request came unhealthy − 1 intervals after the fault's
injection, or later (a target may pass over a backend sooner that holds requests of its own), and at most unhealthy
intervals and time-outs after it (some begin the interval when an answer has come);
its next one between healthy − 1 intervals less a time-out (a check may be under way as it is healed) and healthy intervals after
the heal; 0.1 s more for a busy machine. A fault that made fewer
health checks in a row fail than that was a blip: the backend stayed in, and was not passed over for longer than an interval
while others took 10 requests, from the injection to its next fault or the load's end. With exact, one check more
or less than the settings say shows, by the checks that the backend saw. Unknown when the backend
had no request in the interval before, or when a fault that was no blip was shorter than that. Applies with expect.rotation.`,
	Applies: func(f *Facts) bool { return f.Meta.HTTP && f.Meta.Expect.Rotation != nil },
	Judge: func(f *Facts) Result {
		var verdict Result
		seen := 0
		for _, x := range f.faults.list {
			n, ok := backendOf(x)
			if !ok {
				continue
			}
			seen++
			r := f.judgeIllness(x, n)
			if seen == 1 || r.Verdict != Pass && verdict.Verdict == Pass || r.Verdict == Fail {
				verdict = r
			}
		}
		if seen == 0 {
			return unknown("no fault made a backend ill")
		}
		return verdict
	},
}

// ofBackend are the faults that make one backend ill.
var ofBackend = []string{"backend", "backendDown", "heap", "stuck"}

// backendOf gives the name of the backend that a fault is about.
func backendOf(x Fault) (string, bool) {
	var params struct {
		Backend int `json:"backend"`
	}
	if !slices.Contains(ofBackend, x.Name) || json.Unmarshal([]byte(x.Params), &params) != nil {
		return "", false
	}
	return history.BackendName(params.Backend), true
}

// judgeIllness judges one fault of a backend.
func (f *Facts) judgeIllness(x Fault, name string) Result {
	want := f.Meta.Expect.Rotation
	if x.Heal != never {
		if failed := f.requests.illness(x, name, want); failed < want.Unhealthy {
			return f.judgeBlip(x, name, failed)
		}
	}
	r := judgeRotation(want, x, f.requests.by[name], f.requests.holds(name, x.Inject+time.Duration(want.Unhealthy-1)*want.Interval))
	if r.Verdict != Pass || !want.Exact {
		return r
	}
	if exact := f.judgeTurns(x, name); exact.Verdict != Pass {
		return exact
	}
	return r
}

// doneBy notes that a backend is done with a request.
func (f *Facts) doneBy(e *history.Event) {
	r := &f.requests
	if f.Meta.Expect.Rotation == nil {
		return
	}
	if r.gives == nil {
		r.gives = map[string][]time.Duration{}
	}
	r.gives[e.Who] = append(r.gives[e.Who], e.At)
}

// holds tells whether a backend had requests that it was not done with.
func (r *requests) holds(name string, at time.Duration) bool {
	until := func(all []time.Duration) int { n, _ := slices.BinarySearch(all, at); return n }
	return until(r.by[name]) > until(r.gives[name])
}

// judgeRotation holds one fault against the times at which the backend took requests. One that was busy when it could have
// gone out for its health at the soonest may have been passed over for that.
func judgeRotation(want *history.Rotation, x Fault, takes []time.Duration, busy bool) Result {
	interval := want.Interval
	least, most := time.Duration(want.Unhealthy-1)*interval, time.Duration(want.Unhealthy)*(interval+want.Timeout)+rotationSlack
	back, latest := max(0, time.Duration(want.Healthy-1)*interval-want.Timeout), time.Duration(want.Healthy)*interval+rotationSlack
	name, _ := backendOf(x)
	before, last, next := never, never, never
	for _, at := range takes {
		switch {
		case at <= x.Inject:
			before = at
		case at < x.Heal:
			last = at
		case next == never:
			next = at
		}
	}
	out := last - x.Inject
	switch {
	case x.Heal == never:
		return unknown("fault %s (%d) was never healed", x.Name, x.ID)
	case before == never || before < x.Inject-interval:
		return unknown("%s had no request in the %v before it was made ill at %s", name, interval, clock(x.Inject))
	case x.Heal-x.Inject < most+interval:
		return unknown("fault %s (%d) was on for %s only, wanted %v", x.Name, x.ID, clock(x.Heal-x.Inject), most+interval)
	case !busy && (last == never && least > 0 || last != never && out < least-rotationSlack):
		return fail(nil, "%s was out of rotation after %s already, wanted not before %v: one bad answer is no illness", name, clock(max(out, 0)), least)
	case last != never && out > most:
		return fail(nil, "%s still had a request %s after it was made ill, wanted none after %v", name, clock(out), most)
	case next == never:
		return fail(nil, "%s had no request any more after it was well at %s, wanted one within %v", name, clock(x.Heal), latest)
	case next-x.Heal > latest:
		return fail(nil, "%s had its next request %s after it was well, wanted one within %v", name, clock(next-x.Heal), latest)
	case next-x.Heal < back-rotationSlack/2:
		return fail(nil, "%s had a request %s after it was well already, wanted none before %v", name, clock(next-x.Heal), back)
	}
	return pass("%s was out of rotation %s after it was made ill (wanted %v to %v), and back %s after it was well (wanted %v to %v)",
		name, clock(max(out, 0)), least, most, clock(next-x.Heal), back, latest)
}
