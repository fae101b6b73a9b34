package check

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// latencyLeast is how many requests there must be for their 99th percentile to tell anything.
const latencyLeast = 100

var latency = Check{
	Name: "latency",
	Doc: `Of the requests that were offered while faults were on, from the first injection to the last heal (all requests, in a run
without a fault), 99 % had a good answer within expect.latency.p99. One that was turned away with a time to come again
is not among them (see turned-away); one that was answered badly, or not at all, took for ever. Only those to paths
that begin with expect.latency.path, if there is one. Needs 100 of them. Applies with expect.latency.`,
	Applies: func(f *Facts) bool { return f.Meta.HTTP && f.Meta.Expect.Latency != nil },
	Judge: func(f *Facts) Result {
		limit, w := f.Meta.Expect.Latency.P99, &f.timed
		if len(w.all) < latencyLeast {
			return unknown("only %s to %q were neither turned away nor offered without a fault, wanted %d",
				count(len(w.all), "request"), f.Meta.Expect.Latency.Path+"…", latencyLeast)
		}
		slices.Sort(w.all)
		p99 := w.all[int(math.Ceil(0.99*float64(len(w.all))))-1]
		switch {
		case p99 <= limit:
			return pass("99 %% of %s had a good answer within %s (limit %v), half of them within %s",
				count(len(w.all), "request"), clock(p99), limit, clock(w.all[(len(w.all)-1)/2]))
		case f.cut():
			return unknown("the history ends before the run did: by then too few of %s had a good answer", count(len(w.all), "request"))
		}
		inTime, _ := slices.BinarySearch(w.all, limit+1)
		return fail(w.late, "%d of %d requests had a good answer within %v: %.1f %%, wanted 99 %%",
			inTime, len(w.all), limit, 100*float64(inTime)/float64(len(w.all)))
	},
}

// timed is how long requests took that expect.latency is about.
type timed struct {
	all  []time.Duration
	late examples
}

// forEver is how long a request takes that never has a good answer.
const forEver = time.Duration(math.MaxInt64)

func (w *timed) see(id history.MsgID, m *message, q *request, want *history.Latency) {
	if !strings.HasPrefix(q.path, want.Path) || q.end == inTurnedAway {
		return
	}
	took := forEver
	if at := m.firstEffect(); at != never {
		took = at - m.offered
	}
	w.all = append(w.all, took)
	switch {
	case took == forEver:
		w.late.add("%s: %s, offered at %s, never had a good answer", id, q.path, clock(m.offered))
	case took > want.P99:
		w.late.add("%s: %s, offered at %s, answered %s later", id, q.path, clock(m.offered), clock(took))
	}
}
