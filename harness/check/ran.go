package check

import "strings"

var ran = Check{
	Name: "ran",
	Doc: `The run happened, from beginning to end, and its history is whole: begin, load-begin, load-end and end are
there, the file is neither torn nor damaged, and there was at least one effect (none is wanted of a sweep). Otherwise unknown; it never fails.`,
	Judge: func(f *Facts) Result {
		switch {
		case f.Damage != nil:
			return unknown("the history could not be read to its end: %v", f.Damage)
		case f.Torn != nil:
			return unknown("the history is torn: %v", *f.Torn)
		}
		var missing []string
		for _, m := range []struct {
			name string
			gone bool
		}{
			{"begin", f.Began == never}, {"load-begin", f.LoadBegan == never},
			{"load-end", f.LoadEnded == never}, {"end", f.Ended == never},
		} {
			if m.gone {
				missing = append(missing, m.name)
			}
		}
		if len(missing) > 0 {
			return unknown("the history has no %s: the run was cut short", strings.Join(missing, ", no "))
		}
		if f.sweep != nil {
			return pass("ran for %s with %s", clock(f.Ended-f.Began), count(len(f.swept.passes), "measurement"))
		}
		if f.ledger.effects == 0 {
			return unknown("no sink saw an effect, of %s offered", count(f.totals.Total.Offered, "message"))
		}
		return pass("ran for %s with %s", clock(f.Ended-f.Began), count(f.ledger.effects, "effect"))
	},
}
