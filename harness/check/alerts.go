package check

import "github.com/comeback-chaos/xk6-comeback/harness/history"

var alerts = Check{
	Name: "alerts",
	Doc: `The number of alerts at the sink is within expect.alerts; without it, none may be there. All-clears are not counted,
and what an alert says is not judged.`,
	Judge: func(f *Facts) Result {
		want := history.Range{}
		if f.Meta.Expect.Alerts != nil {
			want = *f.Meta.Expect.Alerts
		}
		return judgeNotices(f, f.sides.alerts, want, "alert")
	},
}

// judgeNotices compares a number of alerts or all-clears with its bounds.
func judgeNotices(f *Facts, seen []notice, want history.Range, what string) Result {
	n := len(seen)
	var x examples
	for _, s := range seen {
		x.add("%s: %s: %s", clock(s.at), s.who, s.text)
	}
	switch {
	case n > want.Max:
		return fail(x, "%s, wanted at most %d", count(n, what), want.Max)
	case n < want.Min && f.cut():
		return unknown("%s, wanted at least %d, but the history ends before the run did", count(n, what), want.Min)
	case n < want.Min:
		return fail(x, "%s, wanted at least %d", count(n, what), want.Min)
	case f.Began == never:
		return unknown("there is no run to look at")
	}
	return pass("%s, wanted %d to %d", count(n, what), want.Min, want.Max)
}
