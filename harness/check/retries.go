package check

// retryShare is the share of requests that may be tried again when the scenario says nothing.
const retryShare = 0.2

var retries = Check{
	Name: "retries",
	Doc: `Retries did not make an overload worse: beyond the first time of each, backends took requests at most expect.retries (0.2)
times as often as requests were offered. One that was turned away counts as offered. Unknown when no backend took any
request. Applies to targets that answer requests.`,
	Applies: ofRequests,
	Judge: func(f *Facts) Result {
		limit := f.Meta.Expect.Retries
		if limit == 0 {
			limit = retryShare
		}
		t := f.totals.Total
		if f.requests.takes == 0 {
			return unknown("no backend took a request, of %d offered", t.Offered)
		}
		share := float64(t.Redelivered) / float64(t.Offered)
		if share > limit {
			return fail(nil, "%d of %d requests were tried again: %.1f %% (limit %.1f %%)", t.Redelivered, t.Offered, 100*share, 100*limit)
		}
		return pass("%d of %d requests were tried again: %.1f %% (limit %.1f %%)", t.Redelivered, t.Offered, 100*share, 100*limit)
	},
}
