package check

var protocol = Check{
	Name: "protocol",
	Doc: `The broker closed no channel and no connection of the target with a 4xx or 5xx code. Needs a connection of the
target. Not the target's fault, and not judged: closes made by a fault, whatever follows on a connection where a fault
made or dropped a frame, 501 where one touched bytes, 541, and what a broker says while it starts or stops.`,
	Applies: ofQueue,
	Judge: func(f *Facts) Result {
		w := &f.wires
		switch {
		case w.closes > 0:
			return fail(w.closeExamples, "the broker closed a channel or connection on the target %s", count(w.closes, "time"))
		case w.targets == 0:
			return unknown("no connection of the target (%q) was seen", f.Meta.Target)
		}
		return pass("the broker complained on none of %s", count(w.targets, "connection"))
	},
}
