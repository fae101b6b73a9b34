package check

import (
	"strings"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// rolloutSlack is what looking, stopping processes and a busy machine may add to the limit of a rollout.
const rolloutSlack = time.Second

var rollout = Check{
	Name: "rollout",
	Doc: `Each rollout ended as its fault says (ends), for the reason that it says (says), within its limit, and what it says is true:
from then on the version that it speaks of answers, and no other. It never took out a healthy backend where fewer than the minimum, or
none, would have been left, and when it was done as many were healthy as are wanted; never more backends ran than the
maximum, by their processes; and no backend took a request that never was healthy. Unknown when one was called off before its
limit, or when nobody answered after it. Applies when there was one.`,
	Applies: func(f *Facts) bool { return len(f.rollouts.all) > 0 },
	Judge: func(f *Facts) Result {
		var verdict Result
		for i, d := range f.rollouts.all {
			r := d.judge()
			if i == 0 || r.Verdict == Fail || r.Verdict == Unknown && verdict.Verdict == Pass {
				verdict = r
			}
			if r.Verdict == Fail {
				return r
			}
		}
		return verdict
	},
}

func (d *deployment) judge() Result {
	switch {
	case len(d.low) > 0:
		return fail(d.low, "the rollout of %s left fewer healthy backends than are needed", d.version)
	case len(d.many) > 0:
		return fail(d.many, "the rollout of %s had more backends run than the maximum", d.version)
	case len(d.sick) > 0:
		return fail(d.sick, "the rollout of %s put backends into service that were not healthy", d.version)
	case d.over == never:
		return unknown("the rollout of %s, begun at %s, has no end", d.version, clock(d.began))
	}
	if r, late := d.late(); late {
		return r
	}
	switch {
	case d.how == history.CalledOff:
		return unknown("the rollout of %s was called off %s after its begin, before its limit of %v", d.version, clock(d.over-d.began), d.limit)
	case d.how != d.wants:
		return fail(nil, "the rollout of %s ended %s at %s, wanted %s: %s", d.version, d.how, clock(d.ended), d.wants, d.why)
	case !strings.Contains(d.why, d.says):
		return fail(nil, "the rollout of %s ended %s, but did not say %q: %q", d.version, d.how, d.says, d.why)
	case d.how == history.NotRolledBack:
		return pass("the rollout of %s ended %s after %s: %s", d.version, d.how, clock(d.ended-d.began), d.why)
	case d.others > 0:
		return fail(d.other, "the rollout of %s ended %s at %s, but %s came from other versions than %s after that", d.version, d.how, clock(d.ended), count(d.others, "answer"), d.serves)
	case d.own == 0:
		return unknown("nobody answered after the rollout of %s had ended %s at %s", d.version, d.how, clock(d.ended))
	}
	return pass("the rollout of %s ended %s after %s, and version %s alone gave the %s since", d.version, d.how, clock(d.ended-d.began), d.serves, count(d.own, "answer"))
}

// late tells whether a limit was passed: that of the rollout, or that of the way back.
func (d *deployment) late() (Result, bool) {
	end := d.ended
	if d.back != never {
		if took := d.ended - d.back; took > d.backLimit+rolloutSlack {
			return fail(nil, "the rollback of %s took %s, wanted within %v", d.version, clock(took), d.backLimit), true
		}
		end = d.back
	}
	if took := end - d.began; took > d.limit+rolloutSlack {
		return fail(nil, "the rollout of %s had not ended %s after its begin, wanted within %v", d.version, clock(took), d.limit), true
	}
	return Result{}, false
}
