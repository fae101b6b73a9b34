package check

var drained = Check{
	Name: "drained",
	Doc: `No backend took a request more than 0.25 s after it was told to drain: it finishes what it has, and gets nothing new. Unknown
when none was drained. Applies when there was a rollout.`,
	Applies: func(f *Facts) bool { return len(f.rollouts.all) > 0 },
	Judge: func(f *Facts) Result {
		r := &f.rollouts
		switch {
		case r.late > 0:
			return fail(r.lateBy, "%s taken by backends that had been told to drain", count(r.late, "request"))
		case len(r.drained) == 0:
			return unknown("no backend was told to drain")
		}
		return pass("none of the %s that were told to drain took a request after that", count(len(r.drained), "backend"))
	},
}
