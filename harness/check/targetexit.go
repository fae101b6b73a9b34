package check

var targetExit = Check{
	Name: "target-exit",
	Doc: `No process of the target ended but by the lab's or a fault's doing. Needs a process of the target: of a target that was
already running nothing is known.`,
	Judge: func(f *Facts) Result {
		var x examples
		n, started := 0, 0
		for _, e := range f.sides.exits {
			if f.isTarget(e.who) && !e.expected {
				n++
				x.add("%s: %s (pid %d) ended with code %d %s", clock(e.at), e.who, e.pid, e.code, e.text)
			}
		}
		for name, times := range f.sides.procs {
			if f.isTarget(name) {
				started += times
			}
		}
		switch {
		case n > 0:
			return fail(x, "%s of the target ended by itself, of %d started", count(n, "process"), started)
		case started == 0:
			return unknown("no process of the target (%q) was started", f.Meta.Target)
		}
		return pass("no process of the target ended by itself, of %d started", started)
	},
}
