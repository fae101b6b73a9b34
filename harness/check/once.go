package check

var once = Check{
	Name: "once",
	Doc: `No request that is not idempotent (POST, PATCH; RFC 9110, section 9.2.2) was taken by backends twice: nobody knows what
became of the first. One that has an id (X-Request-Id) of none that was offered counts when there are more of them than
were offered in all. Unknown when no backend took any request, and when it took such a one. Applies to targets that answer
requests.`,
	Applies: ofRequests,
	Judge: func(f *Facts) Result {
		r := &f.requests
		if r.takes == 0 {
			return unknown("no backend took a request, of %d offered", f.totals.Total.Offered)
		}
		if r.twice > 0 {
			return fail(r.takenTwice, "%d requests that are not idempotent were taken twice", r.twice)
		}
		if n := r.ordersTaken + r.strangers; n > r.orders {
			return fail(nil, "%d requests that are not idempotent were taken by backends, of %d offered", n, r.orders)
		}
		if r.strangers > 0 {
			return unknown("%s that are not idempotent were taken under ids that were not offered: have the target pass X-Request-Id on", count(r.strangers, "request"))
		}
		return pass("none of the requests that are not idempotent was taken twice, of %d that backends took", r.takes)
	},
}
