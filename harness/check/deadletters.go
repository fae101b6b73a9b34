package check

import "github.com/comeback-chaos/xk6-comeback/harness/history"

var deadLetters = Check{
	Name: "dead-letters",
	Doc: `Every message that the script submitted as one that a correct target gives up (malformed, poisonous, expired) is in
the dead-letter queue at the end, once, and had no effect. Applies when there is such a message. Needs the run's end, a look into
that queue, and the broker's confirm of each that is missing. One that the broker refused does not count. Others that were
dead-lettered are lost: see no-loss.`,
	Applies: func(f *Facts) bool { return f.doom.offered > 0 },
	Judge: func(f *Facts) Result {
		d := &f.doom
		switch {
		case d.effects > 0:
			return fail(d.examples, "%d of %s that had to be dead-lettered had an effect", d.effects, count(d.offered, "message"))
		case d.again > 0:
			return fail(d.examples, "%d of %s that had to be dead-lettered were more than once", d.again, count(d.offered, "message"))
		case d.dead == d.offered:
			return pass("all of %s that had to be dead-lettered were", count(d.offered, "message"))
		case f.cut():
			return unknown("the history ends before the run did: %d of %s that had to be dead-lettered were", d.dead, count(d.offered, "message"))
		}
		if p := f.sides.probes[history.Probe.String()+" "+history.DeadProbe]; p == nil || p.answered == 0 {
			return unknown("nobody could look into the dead-letter queue at the end")
		}
		if d.dead+d.unconfirmed == d.offered {
			return unknown("%s that had to be dead-lettered were never confirmed by the broker, and may never have come there", count(d.unconfirmed, "message"))
		}
		return fail(d.examples, "%d of %s that had to be dead-lettered were", d.dead, count(d.offered, "message"))
	},
}

// doom counts the messages that had to be dead-lettered.
type doom struct {
	offered, dead, effects int64
	again                  int64 // of the dead: more than once
	unconfirmed            int64 // of the rest: published, and not confirmed
	examples               examples
}

// see takes a message into account that was found in the dead-letter queue so many times.
func (d *doom) see(id history.MsgID, m *message, found int) {
	if !m.state.has(doomed) || m.state.has(refused) {
		return
	}
	d.offered++
	switch {
	case m.effects > 0:
		d.effects++
		d.examples.add("%s: offered at %s, effect at %s", id, clock(m.offered), clock(m.firstEffect()))
	case m.state.has(deadLettered):
		d.dead++
		if found > 1 {
			d.again++
			d.examples.add("%s: offered at %s, %d times in the dead-letter queue", id, clock(m.offered), found)
		}
	default:
		if m.state.has(published) && !m.state.has(confirmed) {
			d.unconfirmed++
		}
		d.examples.add("%s: offered at %s, not in the dead-letter queue", id, clock(m.offered))
	}
}
