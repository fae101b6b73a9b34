package check

import (
	"maps"
	"slices"
	"time"
)

var backIn = Check{
	Name: "back-in",
	Doc: `Each backend that took requests before the first fault took one again within expect.backIn after the last heal: who went out
of rotation in the course of a fault is let back in. Unknown without a heal, when the load ended before that time, and when no
backend took a request before. Applies with expect.backIn.`,
	Applies: func(f *Facts) bool { return f.Meta.HTTP && f.Meta.Expect.BackIn > 0 },
	Judge: func(f *Facts) Result {
		first, heal := f.faults.span()
		limit := f.Meta.Expect.BackIn
		if first == never || !f.faults.healed() {
			return unknown("no fault was healed, so there is no time after it")
		}
		before, last := 0, time.Duration(0)
		for _, name := range slices.Sorted(maps.Keys(f.requests.by)) {
			takes := f.requests.by[name]
			if takes[0] >= first {
				continue
			}
			before++
			i := slices.IndexFunc(takes, func(at time.Duration) bool { return at > heal })
			switch {
			case i >= 0 && takes[i]-heal <= limit:
				last = max(last, takes[i]-heal)
			case i >= 0:
				return fail(nil, "%s took its first request %s after the last heal (limit %v)", name, clock(takes[i]-heal), limit)
			case f.LoadEnded < heal+limit: // also when it never did
				return unknown("%s took no request after the last heal at %s, and the load did not last %v longer", name, clock(heal), limit)
			default:
				return fail(nil, "%s took no request any more after the last heal at %s (limit %v)", name, clock(heal), limit)
			}
		}
		if before == 0 {
			return unknown("no backend took a request before the first fault")
		}
		return pass("all of the %d backends from before were in again %s after the last heal (limit %v)", before, clock(last), limit)
	},
}
