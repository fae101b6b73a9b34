package check

var badAnswers = Check{
	Name: "errors",
	Doc: `No request was answered with something else than was asked for, but for expect.errors of them: a status of 400 or more,
or the wrong content. One that was turned away with a time to come again (429 or 503 with Retry-After) is for
turned-away. Applies to targets that answer requests.`,
	Applies: ofRequests,
	Judge: func(f *Facts) Result {
		n, budget := f.requests.failed, int64(f.Meta.Expect.Errors)
		all := f.requests.answers()
		switch {
		case all == 0:
			return unknown("no request was answered, of %d offered", f.totals.Total.Offered)
		case n > budget:
			return fail(f.requests.badAnswer, "%d of %d requests were answered badly (budget %d)", n, all, budget)
		}
		return pass("%d of %d requests were answered badly (budget %d)", n, all, budget)
	},
}
