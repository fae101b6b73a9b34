package check

import "time"

var faultInEffect = Check{
	Name: "fault-in-effect",
	Doc: `Every injected fault was seen to take effect. Unknown when one was not, or when none was injected. In a control run
(expect.noFault) no fault may be there, and any fails. How much a fault touched is not judged.`,
	Judge: func(f *Facts) Result {
		list := f.faults.list
		if f.Meta.Expect.NoFault {
			if len(list) > 0 {
				return fail(nil, "%s in a control run, first %s at %s", count(len(list), "fault"), list[0].Name, clock(list[0].Inject))
			}
			return pass("no fault was injected, as a control run wants it")
		}
		if len(list) == 0 {
			return unknown("no fault was injected")
		}
		var slowest time.Duration
		for _, x := range list {
			if x.InEffect == never {
				return unknown("fault %s (%d), injected at %s, was never seen to touch anything", x.Name, x.ID, clock(x.Inject))
			}
			slowest = max(slowest, x.InEffect-x.Inject)
		}
		return pass("%s in effect, at most %s after its injection", count(len(list), "fault"), clock(slowest))
	},
}
