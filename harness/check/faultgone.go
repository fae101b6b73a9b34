package check

var faultGone = Check{
	Name: "fault-gone",
	Doc: `Every fault was healed, and an op was then seen to pass untouched. A fault that was still seen after its heal fails, and
so does one that touched an op more than 0.25 s after it; one that was never healed, healed only when the load had
ended, or not seen to be gone, is unknown. Does not apply to a control run.`,
	Applies: func(f *Facts) bool { return !f.Meta.Expect.NoFault },
	Judge: func(f *Facts) Result {
		list := f.faults.list
		for _, x := range list {
			if x.Outlived != never {
				return fail(nil, "fault %s (%d) was still there at %s, after its heal at %s", x.Name, x.ID, clock(x.Outlived), clock(x.Heal))
			}
		}
		for _, x := range list {
			switch {
			case x.Heal == never:
				return unknown("fault %s (%d), injected at %s, was never healed", x.Name, x.ID, clock(x.Inject))
			case f.LoadEnded != never && x.Heal > f.LoadEnded:
				return unknown("fault %s (%d) was healed at %s, after the load had ended at %s: nothing shows that the target came back",
					x.Name, x.ID, clock(x.Heal), clock(f.LoadEnded))
			case x.Gone == never:
				return unknown("fault %s (%d), healed at %s, was never seen to be gone", x.Name, x.ID, clock(x.Heal))
			}
		}
		if len(list) == 0 {
			return unknown("no fault was injected")
		}
		return pass("%s healed and gone", count(len(list), "fault"))
	},
}
