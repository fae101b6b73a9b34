package check

var worksOn = Check{
	Name: "works-on",
	Doc: `While a fault is on, too, there is no standstill longer than expect.stall (2 s): the fault may touch the target, and
must not stop it. One that goes away, with all its connections, has stopped. Unknown when no fault was on for that long, when no message ever waited for a live consumer meanwhile, or
when probes of the queue's depth did not answer. Applies with expect.worksOn. See no-stall.`,
	Applies: func(f *Facts) bool { return f.Meta.Expect.WorksOn },
	Judge: func(f *Facts) Result {
		s, limit := &f.under, f.stallLimit()
		switch {
		case s.longest > limit:
			return fail(examples{"standstill from " + clock(s.longestAt) + " to " + clock(s.longestAt+s.longest)},
				"under a fault nothing moved for %s from %s on, with ready messages and a live consumer (limit %v)", clock(s.longest), clock(s.longestAt), limit)
		case s.longestJudged <= limit:
			return unknown("faults were on for %s at a stretch: too short for a standstill of %v", clock(s.longestJudged), limit)
		case s.blind > limit:
			return unknown("nothing was seen for %s from %s on, under a fault: no probe answered and nothing moved (limit %v)", clock(s.blind), clock(s.blindAt), limit)
		case !s.waited:
			return unknown("no message waited for a consumer while a fault was on: there was nothing to go on with (%d probes)", s.answers)
		}
		return pass("under faults the longest standstill was %s (limit %v, %d probes)", clock(s.longest), limit, s.answers)
	},
}
