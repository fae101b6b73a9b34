package check

import "time"

var cleanExit = Check{
	Name: "clean-exit",
	Doc: `Each process of the target that a fault asked to end (SIGTERM, a notice) ended with 0, and within the time that it had:
one that had to be killed did not. Applies when one was asked. Needs the run's end. Not judged: how a process ends that
a fault kills, or that the lab stops at the end of the run, and whether what it held was done (see no-loss, takeover).`,
	Applies: func(f *Facts) bool { return len(f.askedToEnd()) > 0 },
	Judge: func(f *Facts) Result {
		var x examples
		asked := f.askedToEnd()
		longest, open, bad := time.Duration(0), 0, 0
		for _, a := range asked {
			end, ended := f.sides.exitOf(a)
			took := end.at - a.at
			switch {
			case !ended:
				open++
				x.add("%s: %s (pid %d) was asked by %s and never ended", clock(a.at), a.who, a.pid, a.how)
			case end.code != 0:
				bad++
				x.add("%s: %s (pid %d) was asked by %s and ended %s later with code %d %s", clock(a.at), a.who, a.pid, a.how, clock(took), end.code, end.text)
			case a.within > 0 && took > a.within:
				bad++
				x.add("%s: %s (pid %d) was asked by %s and ended %s later, it had %v", clock(a.at), a.who, a.pid, a.how, clock(took), a.within)
			default:
				longest = max(longest, took)
			}
		}
		switch {
		case bad > 0:
			return fail(x, "%d of %s that were asked to end did not do so with 0 and in time", bad, count(len(asked), "process"))
		case open > 0 && f.cut():
			return unknown("%d of %s that were asked to end had not when the history ends", open, count(len(asked), "process"))
		case open > 0:
			return fail(x, "%d of %s that were asked to end never did", open, count(len(asked), "process"))
		}
		return pass("%s asked to end did so with 0, the slowest after %s", count(len(asked), "process"), clock(longest))
	},
}

// askedToEnd gives what the target's processes were asked and what was not withdrawn.
func (f *Facts) askedToEnd() []procAsk {
	var asked []procAsk
	for _, a := range f.sides.asks {
		if f.isTarget(a.who) && !a.withdrawn {
			asked = append(asked, a)
		}
	}
	return asked
}

// exitOf gives the end of the process that was asked: the first one after that, as pids come again.
func (s *sides) exitOf(a procAsk) (procExit, bool) {
	for _, e := range s.exits {
		if e.who == a.who && e.pid == a.pid && e.at >= a.at {
			return e, true
		}
	}
	return procExit{}, false
}
