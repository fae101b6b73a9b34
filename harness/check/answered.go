package check

var answered = Check{
	Name: "answered",
	Doc: `Every request was answered by the target, but for expect.unanswered of them: the connection was not cut, and the client
did not wait in vain. What the answer said is for errors and turned-away. Applies to targets that answer requests.`,
	Applies: ofRequests,
	Judge: func(f *Facts) Result {
		n, budget := f.requests.unanswered, int64(f.Meta.Expect.Unanswered)
		all := f.totals.Total.Offered
		if all == 0 {
			return unknown("no request was offered")
		}
		if n > budget {
			return fail(f.requests.noAnswer, "%d of %d requests had no answer (budget %d)", n, all, budget)
		}
		if open := all - f.requests.answers(); open > 0 {
			return unknown("what became of %d of %d requests is not known: the run ended before", open, all)
		}
		return pass("%d of %d requests were answered (%d not, budget %d)", all-n, all, n, budget)
	},
}

// answers is how many requests have come to an end, good or bad.
func (r *requests) answers() int64 {
	n := r.unanswered + r.failed + r.turned
	for _, v := range r.versions {
		n += v.n
	}
	return n
}
