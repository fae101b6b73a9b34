package check

// The load counts as reached with this share offered, and this share turned away or dropped.
const (
	offeredShare = 0.99
	droppedShare = 0.01
)

var loadReached = Check{
	Name: "load-reached",
	Doc: `The load was what the scenario states: at least 99 % of rate × duration offered, and at most 1 % turned
away or dropped (messages that had no room, iterations that never began). Requests that a fault offers beside it do not count.
Otherwise unknown: a target that was asked for less was not tested. It never fails.`,
	Judge: func(f *Facts) Result {
		want := f.Meta.Rate * f.Meta.Duration.Seconds()
		got := f.totals.Total.Offered - f.extra
		switch {
		case f.LoadBegan == never || f.LoadEnded == never:
			return unknown("the load has no begin or no end, %s offered", count(got, "message"))
		case want < 1:
			return unknown("the scenario states no load (%.1f/s for %v), %s offered", f.Meta.Rate, f.Meta.Duration, count(got, "message"))
		case float64(got) < offeredShare*want:
			return unknown("%d of %.0f messages were offered (%.1f %%, wanted 99 %%)", got, want, 100*float64(got)/want)
		case float64(f.Dropped) > droppedShare*float64(got+f.Dropped):
			return unknown("%d turned away or dropped beside %s offered (limit 1 %%)", f.Dropped, count(got, "message"))
		}
		return pass("%d of %.0f messages offered, %d turned away or dropped", got, want, f.Dropped)
	},
}
