package check

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// patience is how long a message may stay unsettled after its effect without being forgotten.
const patience = time.Second

// unfinished is the time of what the target may still be at work on.
const unfinished = time.Duration(math.MaxInt64)

var settled = Check{
	Name: "settled",
	Doc: `The target left nothing unsettled that it had done: no message that had its effect went back to its queue at the end
because its last delivery was never acked, nacked or rejected, though its channel stayed open for 1 s or more after
the effect, and after the last heal, until the target was stopped. A settlement that a fault swallowed is one. Needs a
delivery, and a look into the queues after the target's stop: with a target that still holds such messages then it is
unknown. Not judged: messages without effect (see no-loss), ones whose effect was answered with an error, ones
delivered again after their effect and not reported again, and what a fault's or a broker's end gave back.`,
	Applies: ofQueue,
	Judge: func(f *Facts) Result {
		left, looked := f.sides.left()
		n, held, x := f.forgotten.count()
		switch {
		case !looked:
			return unknown("nobody looked into the queues at the end")
		case f.ledger.deliveries == 0:
			return unknown("nothing was delivered to the target over %s", count(f.wires.targets, "connection"))
		case left > 0 && n > 0:
			return fail(x, "%s had an effect and were never settled, on channels that stayed open for 1 s or more; %d left in queues", count(n, "message"), left)
		case held > 0:
			return unknown("the target still held %s that had their effect when the queues were looked into: it was not stopped before", count(held, "message"))
		}
		return pass("no message that had its effect was forgotten, of %d delivered (%d left in queues)", f.totals.Total.Delivered, left)
	},
}

// forgotten gathers deliveries that the target was done with and never settled.
type forgotten struct {
	found map[history.MsgID]unsettled
	busy  map[history.MsgID]time.Duration // when the target was last answered for a message done before; few
}

type unsettled struct {
	msg         history.MsgID
	effect, end time.Duration // the last answer to it, and its channel's end
	who         string
	conn        uint32
	ch          uint16
	tag         uint64
	held        bool // when the queues were looked into
}

// delivered notes a message that comes again: only its last delivery counts, and where it was done
// before, the target may do it again first.
func (x *forgotten) delivered(msg history.MsgID, done bool) {
	delete(x.found, msg)
	if done {
		x.note(msg, unfinished)
	}
}

// answered notes a sink's answer about a message that has had its effect: an error is tried again.
func (x *forgotten) answered(e *history.Event) {
	if e.Flags.Has(history.Refused) {
		x.note(e.Msg, unfinished)
	} else if _, ok := x.busy[e.Msg]; ok {
		x.note(e.Msg, e.At)
	}
}

func (x *forgotten) note(msg history.MsgID, at time.Duration) {
	if x.busy == nil {
		x.busy = make(map[history.MsgID]time.Duration)
	}
	x.busy[msg] = at
}

// forget looks for forgotten messages on a channel of the target that ends. Before the load's end they
// are delivered again; while a fault is on, the end may be the fault's.
func (f *Facts) forget(c *conn, ch uint16, old *channel) {
	end := f.Last
	if old.closed != never {
		end = old.closed
	}
	if f.LoadEnded == never || end < f.LoadEnded || f.faults.active > 0 {
		return
	}
	_, looked := f.sides.left()
	for tag, msg := range old.tags.All() {
		m := f.ledger.messages.At(msg)
		if msg == 0 || m.effects == 0 || slices.Contains(old.doubled, tag) {
			continue
		}
		since := m.firstEffect()
		if at, ok := f.forgotten.busy[msg]; ok {
			since = at
		}
		if since > end || end-max(since, f.stall.judged) < patience {
			continue
		}
		if f.forgotten.found == nil {
			f.forgotten.found = make(map[history.MsgID]unsettled)
		}
		f.forgotten.found[msg] = unsettled{msg, since, end, c.who, c.id, ch, tag, looked && old.closed == never}
	}
}

// forgetAll looks through a connection that did not end.
func (f *Facts) forgetAll(c *conn) {
	if c.role == nil {
		return
	}
	for _, ch := range slices.Sorted(maps.Keys(c.chans)) {
		f.forget(c, ch, c.chans[ch])
	}
}

// count gives the number of forgotten messages that went back to their queues, and of those that the
// target held even when the queues were looked into.
func (x *forgotten) count() (n, held int, few examples) {
	order := func(a, b unsettled) int { return cmp.Compare(a.msg, b.msg) }
	for _, u := range slices.SortedFunc(maps.Values(x.found), order) {
		if u.held {
			held++
			continue
		}
		n++
		few.add("%s: effect at %s, not settled by %s (connection %d channel %d tag %d) until %s",
			u.msg, clock(u.effect), u.who, u.conn, u.ch, u.tag, clock(u.end))
	}
	return n, held, few
}
