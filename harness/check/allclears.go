package check

import "github.com/comeback-chaos/xk6-comeback/harness/history"

var allClears = Check{
	Name: "all-clears",
	Doc: `The number of all-clears at the sink is within expect.allClears; without it, there are as many as alerts. Which alert
one belongs to is not judged.`,
	Judge: func(f *Facts) Result {
		n := len(f.sides.alerts)
		want := history.Range{Min: n, Max: n}
		if f.Meta.Expect.AllClears != nil {
			want = *f.Meta.Expect.AllClears
		}
		return judgeNotices(f, f.sides.allClears, want, "all-clear")
	},
}
