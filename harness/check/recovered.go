package check

import "time"

// clockError is the largest error with which a known recovery time may be measured. It holds the time
// that a backlog takes to drain, and a machine's noise.
const clockError = 250 * time.Millisecond

var recovered = Check{
	Name: "recovered",
	Doc: `After the last heal the steady state held again within expect.recovery, and stayed: rate, latency and backlog in the
range seen before the fault. A relapse fails, as does no recovery at all. Unknown without a steady state before the
fault, without a healed fault, or when the load ended before it was there and sooner than expect.recovery after the heal; and when the recovery time is known beforehand
(expect.known) and was measured with an error of more than 0.25 s. Applies with expect.recovery.`,
	Applies: func(f *Facts) bool { return f.Meta.Expect.Recovery > 0 },
	Judge: func(f *Facts) Result {
		o, limit := f.outcome, f.Meta.Expect.Recovery
		_, heal := f.faults.span()
		switch {
		case f.cut():
			return unknown("the history ends before the run did: %s", o.Reason)
		case !o.Measured:
			return unknown("%s", o.Reason)
		case !o.Recovered && !o.Relapsed && f.LoadEnded < heal+limit:
			return unknown("the load ended %s after the heal, and recovery may take %v: make load.duration longer (%s)", clock(f.LoadEnded-heal), limit, o.Reason)
		case !o.Recovered:
			return fail(nil, "%s", o.Reason)
		case o.After > limit:
			return fail(nil, "recovered %s after the heal, wanted within %v", clock(o.After), limit)
		}
		if known := f.Meta.Expect.Known; known > 0 {
			off := o.After - known
			if off.Abs() > clockError {
				return unknown("the clock is off: recovered %s after the heal, known to be %v", clock(o.After), known)
			}
			return pass("recovered %s after the heal, known to be %v: the clock is off by %+.3fs", clock(o.After), known, off.Seconds())
		}
		return pass("recovered %s after the heal (limit %v)", clock(o.After), limit)
	},
}
