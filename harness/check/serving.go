package check

import (
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// servingLeast is how many messages there must be for their share to tell anything.
const servingLeast = 20

var serving = Check{
	Name: "serving",
	Doc: `While the faults are on, from the first injection to the last heal, the service goes on: at least expect.serving.share of
the confirmed messages that were offered then had their effect within expect.serving.within. Needs 20 of them.
Of a target that answers requests: of the requests, a good answer being the effect. Applies with expect.serving.`,
	Applies: func(f *Facts) bool { return f.Meta.Expect.Serving != nil },
	Judge: func(f *Facts) Result {
		want := f.Meta.Expect.Serving
		s := &f.served
		if s.total < servingLeast {
			return unknown("only %s offered while a fault was on", count(s.total, "confirmed message"))
		}
		share := float64(s.intime) / float64(s.total)
		if share < want.Share && f.cut() {
			return unknown("the history ends before the run did: %d of %d messages offered while a fault was on had their effect within %v by then", s.intime, s.total, want.Within)
		}
		if share < want.Share {
			return fail(s.late, "%d of %d messages offered while a fault was on had their effect within %v: %.1f %% (limit %.1f %%)",
				s.intime, s.total, want.Within, 100*share, 100*want.Share)
		}
		return pass("%d of %d messages offered while a fault was on had their effect within %v: %.1f %% (limit %.1f %%)",
			s.intime, s.total, want.Within, 100*share, 100*want.Share)
	},
}

// served counts the messages that were offered while a fault was on.
type served struct {
	total, intime int64
	late          examples
}

func (s *served) see(id history.MsgID, m *message, within time.Duration) {
	if !m.state.has(confirmed) || m.state&(refused|doomed) != 0 {
		return
	}
	s.total++
	at := m.firstEffect()
	switch {
	case at == never:
		s.late.add("%s: offered at %s, no effect", id, clock(m.offered))
	case at-m.offered > within:
		s.late.add("%s: offered at %s, effect %s later", id, clock(m.offered), clock(at-m.offered))
	default:
		s.intime++
	}
}
