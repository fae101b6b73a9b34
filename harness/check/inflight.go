package check

var inFlight = Check{
	Name: "in-flight",
	Doc: `Something was delivered and not settled when each fault took effect: counted at most from its injection to its
effect. Unknown otherwise, since the fault then met an idle target. Applies with expect.inFlight; it never fails.`,
	Applies: func(f *Facts) bool { return f.Meta.Expect.InFlight },
	Judge: func(f *Facts) Result {
		if len(f.faults.list) == 0 {
			return unknown("no fault was injected")
		}
		least := f.faults.list[0].InFlight
		for _, x := range f.faults.list {
			if x.InEffect == never {
				return unknown("fault %s (%d) never took effect", x.Name, x.ID)
			}
			if x.InFlight == 0 {
				return unknown("nothing was in flight when fault %s (%d) took effect at %s", x.Name, x.ID, clock(x.InEffect))
			}
			least = min(least, x.InFlight)
		}
		return pass("%s or more in flight when a fault took effect", count(least, "message"))
	},
}
