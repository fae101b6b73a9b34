package check

import (
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

var prefetch = Check{
	Name: "prefetch",
	Doc: `The target never held more than expect.prefetch deliveries unsettled on a channel, however many waited: what it holds
nobody else can do, and fills its memory. Needs a delivery. Deliveries that a fault made or dropped are not counted.
Applies with expect.prefetch.`,
	Applies: func(f *Facts) bool { return f.Meta.Expect.Prefetch > 0 },
	Judge: func(f *Facts) Result {
		h, most := &f.held, f.Meta.Expect.Prefetch
		switch {
		case h.most == 0:
			return unknown("nothing was delivered to the target over %s", count(f.wires.targets, "connection"))
		case h.most > most:
			return fail(h.examples, "%s unsettled on a channel at %s, wanted at most %d", count(h.most, "delivery"), clock(h.at), most)
		}
		return pass("%s unsettled on a channel at most, of %d allowed", count(h.most, "delivery"), most)
	},
}

// held is how many deliveries the target held at most.
type held struct {
	most     int
	at       time.Duration
	examples examples // where a new most was reached beyond what is allowed
}

// note looks at a channel on which something was delivered.
func (h *held) note(c *conn, ch *channel, e *history.Event, allowed int) {
	n := ch.tags.Len()
	for _, tag := range ch.doubled {
		if ch.tags.Has(tag) {
			n--
		}
	}
	if n <= h.most {
		return
	}
	if h.most <= allowed && n > allowed {
		h.examples.add("%s: delivery %d of connection %d channel %d to %s is number %d that is not settled", clock(e.At), e.Tag, c.id, e.Chan, c.who, n)
	}
	h.most, h.at = n, e.At
}
