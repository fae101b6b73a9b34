package check

var script = Check{
	Name: "script",
	Doc:  `The script threw nothing. Otherwise unknown: what it left out cannot be told. It never fails.`,
	Judge: func(f *Facts) Result {
		errs := f.sides.scripts
		if f.Began == never {
			return unknown("there is no run to look at")
		}
		if len(errs) == 0 {
			return pass("the script threw nothing")
		}
		r := unknown("the script threw %s, first in %s at %s: %s", count(len(errs), "time"), errs[0].who, clock(errs[0].at), errs[0].text)
		var x examples
		for _, e := range errs {
			x.add("%s: %s: %s", clock(e.at), e.who, e.text)
		}
		r.Examples = x
		return r
	},
}
