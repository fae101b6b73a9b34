package check

import (
	"maps"
	"slices"
	"time"
)

// shareEach is how many deliveries an instance there must be at least for their shares to tell anything.
const shareEach = 10

var fairShare = Check{
	Name: "fair-share",
	Doc: `From the moment when the last fault was seen to be gone until the load's end (from its heal, if it never was), each instance of the target that ever
connected was given at least expect.fairShare of what it would be given if all were given the same. Needs two
instances, and 10 deliveries an instance in that time. Applies with expect.fairShare.`,
	Applies: func(f *Facts) bool { return f.Meta.Expect.FairShare > 0 },
	Judge: func(f *Facts) Result {
		since := f.faults.over()
		total := int64(0)
		for _, r := range f.wires.roles {
			total += r.given
		}
		n := int64(len(f.wires.roles))
		switch {
		case n < 2:
			return unknown("%s of the target connected, and it takes two to share", count(n, "instance"))
		case since == never:
			return unknown("not every fault was healed, or there was none")
		case total < n*shareEach:
			return unknown("only %d deliveries to %d instances after the faults", total, n)
		}
		want := f.Meta.Expect.FairShare * float64(total) / float64(n)
		var x examples
		least, who := total, ""
		for _, name := range slices.Sorted(maps.Keys(f.wires.roles)) {
			given := f.wires.roles[name].given
			if float64(given) < want {
				x.add("%s was given %d of %d from %s on", name, given, total, clock(since))
			}
			if given < least {
				least, who = given, name
			}
		}
		share := float64(least) * float64(n) / float64(total)
		if len(x) > 0 {
			return fail(x, "%s was given %.0f %% of its share of %s after the faults (limit %.0f %%)", who, 100*share, count(total, "delivery"), 100*f.Meta.Expect.FairShare)
		}
		return pass("each of %d instances was given %.0f %% of its share or more, of %s after the faults", n, 100*share, count(total, "delivery"))
	},
}

// over gives when the last fault was seen to be gone, or healed if it was not: an instance that takes
// nothing is why it was not. never when one was not healed.
func (x *faults) over() time.Duration {
	last := never
	for _, f := range x.list {
		if f.Heal == never {
			return never
		}
		last = max(last, f.Heal, f.Gone)
	}
	return last
}

// shareAnew begins to count anew: a fault has begun, was healed, or was seen to be gone.
func (w *wires) shareAnew() {
	for _, r := range w.roles {
		r.given = 0
	}
}
