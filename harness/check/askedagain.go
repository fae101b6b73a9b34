package check

var askedAgain = Check{
	Name: "asked-again",
	Doc: `Every request that may be done twice (GET, HEAD, PUT, …) was answered well or turned away: where one backend failed it, the
target asked another. Applies with expect.askedAgain, for faults that leave a backend well.`,
	Applies: func(f *Facts) bool { return f.Meta.HTTP && f.Meta.Expect.AskedAgain },
	Judge: func(f *Facts) Result {
		r := &f.requests
		switch all := f.requests.answers(); {
		case all == 0:
			return unknown("no request was answered, of %d offered", f.totals.Total.Offered)
		case r.repeatable == 0:
			return unknown("no request was offered that may be done twice")
		case r.notSpared > 0:
			return fail(r.notAsked, "%d of %d requests that may be done twice failed", r.notSpared, r.repeatable)
		}
		return pass("none of the %d requests that may be done twice failed", r.repeatable)
	},
}
