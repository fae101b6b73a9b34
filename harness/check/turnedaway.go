package check

import "github.com/comeback-chaos/xk6-comeback/harness/history"

var turnedAway = Check{
	Name: "turned-away",
	Doc: `As many requests were turned away with a time to come again (429 or 503 with Retry-After) as expect.turnedAway says, none
if it says nothing, and none any more once expect.recovery has passed after the last heal; with within, 99 % of them were told so
in that time, and with status by that alone. Applies to targets that answer requests.`,
	Applies: ofRequests,
	Judge: func(f *Facts) Result {
		r := &f.requests
		var want history.TurnedAway // none
		if f.Meta.Expect.TurnedAway != nil {
			want = *f.Meta.Expect.TurnedAway
		}
		low, high := want.Min, want.Max
		_, heal := f.faults.span()
		late := f.Meta.Expect.Recovery > 0 && f.faults.healed() && r.turned > 0 && r.turnedLast > heal+f.Meta.Expect.Recovery
		switch {
		case r.answers() == 0:
			return unknown("no request was answered, of %d offered", f.totals.Total.Offered)
		case r.turned > int64(high):
			return fail(r.turnedAway, "%d requests were turned away, wanted at most %d", r.turned, high)
		case late:
			return fail(r.turnedAway, "the last of %d requests was turned away at %s, %s after the last heal (limit %v)",
				r.turned, clock(r.turnedLast), clock(r.turnedLast-heal), f.Meta.Expect.Recovery)
		case want.Within > 0 && r.turned > 0 && r.turnedWaits.Quantile(0.99) > want.Within:
			return fail(r.turnedAway, "99 %% of %d requests were told within %s that they are turned away (limit %v)",
				r.turned, clock(r.turnedWaits.Quantile(0.99)), want.Within)
		case r.turnedOther > 0:
			return fail(r.turnedAway, "%d of %d requests were turned away by another status than %d", r.turnedOther, r.turned, want.Status)
		case r.turned < int64(low) && f.cut():
			return unknown("the history ends before the run did: %d requests were turned away by then, wanted %d", r.turned, low)
		case r.turned < int64(low):
			return fail(nil, "%d requests were turned away, wanted at least %d", r.turned, low)
		}
		return pass("%d requests were turned away, wanted %d to %d", r.turned, low, high)
	},
}
