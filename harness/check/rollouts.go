package check

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// rollouts are the deployments of a run, in their order.
type rollouts struct {
	all     []*deployment
	running map[string]bool          // processes of backends
	healthy map[string]bool          // backends that are
	started map[string]early         // by a deployer: what each took before it was healthy
	drained map[string]time.Duration // since when; they get no request any more
	late    int64                    // requests that drained backends took
	lateBy  examples
}

// deployment is one, from its begin to its end.
type deployment struct {
	wants, says      string // how it is to end, and a part of the reason
	version          string // that it brings
	serves           string // the version that is to serve in the end: the former one once it is rolled back
	began, back      time.Duration
	ended            time.Duration // its last step
	over             time.Duration // the deployer has stopped
	limit, backLimit time.Duration
	floor, ceiling   int
	how, why         string
	low              examples // when too few stayed healthy
	many             examples // when too many ran
	sick             examples // backends that took requests and were not healthy
	own              int64    // good answers of the version that serves, after the end
	others           int64    // and of other versions
	other            examples
}

// drainSlack is how long a request that was on its way may arrive at a backend that is being drained, or come
// back from one, on a busy machine.
const drainSlack = 250 * time.Millisecond

// earlySlack is how long after the target a deployer may find a backend healthy: it looks every 100 ms.
const earlySlack = 500 * time.Millisecond

// early is what a backend took before it was healthy.
type early struct {
	requests int
	first    time.Duration
}

func (r *rollouts) last() *deployment {
	if len(r.all) == 0 {
		return nil
	}
	return r.all[len(r.all)-1]
}

// seeRollout takes what a deployer tells: what it did, the version, and why.
func (f *Facts) seeRollout(e *history.Event) {
	r := &f.rollouts
	do, rest, _ := strings.Cut(e.Text, " ")
	version, why, _ := strings.Cut(rest, " ")
	if do == "begin" {
		r.begin(e, version, f.faults.list)
	}
	d := r.last()
	if d == nil {
		return
	}
	switch do {
	case "start":
		r.started[e.Who] = early{}
	case "healthy":
		r.healthy[e.Who] = true
		if x := r.started[e.Who]; x.requests > 0 && e.At-x.first > earlySlack {
			d.sick.add("%s took requests from %s on, and was healthy only at %s", e.Who, clock(x.first), clock(e.At))
		}
		delete(r.started, e.Who)
	case "unhealthy":
		delete(r.healthy, e.Who)
	case "drain":
		r.drain(e, d)
	case "rollback":
		d.back, d.serves, d.backLimit = e.At, version, milliseconds(e.N)
	case "done", "give-up":
		d.ended = e.At
		if healthy := len(r.healthy); do == "done" && healthy < int(e.Code) {
			d.low.add("%s: %s is done with %d healthy, wanted %d", clock(e.At), version, healthy, e.Code)
		}
	case "ended":
		r.end(e, d, why)
	}
}

func milliseconds(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// begin notes a new deployment, and what its fault says of it.
func (r *rollouts) begin(e *history.Event, version string, faults []Fault) {
	d := &deployment{
		wants: history.RolloutDone, version: version, serves: version, began: e.At, back: never, ended: never, over: never,
		limit: milliseconds(e.N), floor: max(1, int(e.Code)), // the last one is not taken, whatever the settings say
		ceiling: int(e.Tag),
	}
	for _, x := range faults {
		var params struct{ Ends, Says string }
		if x.Name == "rollout" && json.Unmarshal([]byte(x.Params), &params) == nil {
			d.says = params.Says
			d.wants = history.RolloutDone
			if params.Ends != "" {
				d.wants = params.Ends
			}
		}
	}
	if len(r.all) == 0 {
		r.healthy, r.started, r.drained = map[string]bool{}, map[string]early{}, map[string]time.Duration{}
	}
	r.all = append(r.all, d)
}

// seeProcess counts the backends that run: what a deployer says of itself is not asked.
func (r *rollouts) seeProcess(e *history.Event) {
	if !history.IsBackend(e.Who) {
		return
	}
	switch e.Kind {
	case history.ProcStart:
		if r.running == nil {
			r.running = map[string]bool{}
		}
		r.running[e.Who] = true
		if d := r.last(); d != nil && d.over == never && d.ceiling > 0 && len(r.running) > d.ceiling {
			d.many.add("%s: %s was started, and then %d ran of at most %d", clock(e.At), e.Who, len(r.running), d.ceiling)
		}
	case history.ProcExit:
		delete(r.running, e.Who)
	}
}

// drain notes that a backend gets no request any more. One that is healthy may only go when enough others are.
func (r *rollouts) drain(e *history.Event, d *deployment) {
	r.drained[e.Who] = e.At
	if !r.healthy[e.Who] {
		return
	}
	delete(r.healthy, e.Who)
	if left := len(r.healthy); left < d.floor {
		d.low.add("%s: %s was taken out, and left %d healthy of at least %d", clock(e.At), e.Who, left, d.floor)
	}
}

func (r *rollouts) end(e *history.Event, d *deployment, text string) {
	d.over = e.At
	d.how, d.why, _ = strings.Cut(text, " ")
	if d.ended == never || d.how == history.CalledOff {
		d.ended = e.At
	}
	for name, x := range r.started {
		if x.requests > 0 {
			d.sick.add("%s took %s and was never healthy", name, count(x.requests, "request"))
		}
	}
	clear(r.started)
}

// took notes that a backend has taken a request of the load's.
func (r *rollouts) took(e *history.Event) {
	if x, is := r.started[e.Who]; is {
		if x.requests++; x.requests == 1 {
			x.first = e.At
		}
		r.started[e.Who] = x
	}
	if at, is := r.drained[e.Who]; is && e.At > at+drainSlack {
		r.late++
		r.lateBy.add("%s took %s at %s, %s after it was told to drain", e.Who, e.Msg, clock(e.At), clock(e.At-at))
	}
}

// answered notes who gave a good answer once a deployment had ended.
func (r *rollouts) answered(version string, at time.Duration) {
	d := r.last()
	switch {
	case d == nil || d.over == never || at <= d.ended+drainSlack:
	case version == d.serves:
		d.own++
	default:
		d.others++
		d.other.add("%q answered at %s", version, clock(at))
	}
}
