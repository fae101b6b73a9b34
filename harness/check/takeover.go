package check

import (
	"maps"
	"slices"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

var takeover = Check{
	Name: "takeover",
	Doc: `What an instance of the target held when it was asked to end, or when its connection or channel ended, had its effect
within expect.takeover of that: others took it over, or it finished it. What is lost again on its way counts from then. Needs
a message without effect that was held so, before the load's end. Applies with expect.takeover.`,
	Applies: func(f *Facts) bool { return f.Meta.Expect.Takeover > 0 },
	Judge: func(f *Facts) Result {
		h, limit := &f.handed, f.Meta.Expect.Takeover
		var x examples
		late, never := 0, 0
		for _, m := range h.slow(limit) {
			if !m.done {
				never++
				x.add("%s: held by %s until %s (%s), and no effect after that", m.msg, m.who, clock(m.at), m.why)
				continue
			}
			late++
			x.add("%s: held by %s until %s (%s), effect %s later", m.msg, m.who, clock(m.at), m.why, clock(m.took))
		}
		switch {
		case late > 0 || never > 0 && !f.cut():
			return fail(x, "of %s that an instance could not finish, %d had their effect later than %v after that, and %d none", count(h.total, "message"), late, limit, never)
		case never > 0:
			return unknown("the history ends before %s were taken over", count(never, "message"))
		case h.total == 0:
			return unknown("no instance held a message without effect when its connection ended or it was asked to end")
		}
		return pass("%s that an instance could not finish had their effect at most %s later (limit %v)", count(h.total, "message"), clock(h.longest), limit)
	},
}

// handed is the account of messages that an instance gave up, or had to.
type handed struct {
	open    map[history.MsgID]*handover
	order   []*handover // as they came
	total   int
	longest time.Duration
}

type handover struct {
	msg   history.MsgID
	who   string
	why   string
	at    time.Duration
	took  time.Duration
	done  bool
	again bool // delivered since
}

// leave notes that an instance is about to lose, or has lost, a message that has had no effect.
func (h *handed) leave(msg history.MsgID, who, why string, at time.Duration) {
	if old := h.open[msg]; old != nil {
		if old.again {
			old.who, old.why, old.at, old.again = who, why, at, false
		}
		return
	}
	if h.open == nil {
		h.open = make(map[history.MsgID]*handover)
	}
	m := &handover{msg: msg, who: who, why: why, at: at}
	h.open[msg] = m
	h.order = append(h.order, m)
	h.total++
}

func (h *handed) delivered(msg history.MsgID) {
	if m := h.open[msg]; m != nil {
		m.again = true
	}
}

func (h *handed) effect(msg history.MsgID, at time.Duration) {
	if m := h.open[msg]; m != nil {
		m.done, m.took = true, at-m.at
		h.longest = max(h.longest, m.took)
		delete(h.open, msg)
	}
}

// slow gives those that took longer than limit, or for ever.
func (h *handed) slow(limit time.Duration) []*handover {
	var all []*handover
	for _, m := range h.order {
		if !m.done || m.took > limit {
			all = append(all, m)
		}
	}
	return all
}

// handOver notes what the target holds unsettled on a channel that ends, or when its process is asked to end.
func (f *Facts) handOver(c *conn, ch *channel, why string, at time.Duration) {
	if f.LoadEnded != never || f.Meta.Expect.Takeover == 0 {
		return
	}
	for _, msg := range ch.tags.All() {
		if m := f.ledger.messages.At(msg); msg != 0 && m.effects == 0 && !m.state.has(doomed) {
			f.handed.leave(msg, c.who, why, at)
		}
	}
}

// askToEnd notes what an instance holds when it is asked to end.
func (f *Facts) askToEnd(e *history.Event) {
	f.sides.see(e)
	if !f.isTarget(e.Who) || e.Flags.Has(history.Withdrawn) {
		return
	}
	for _, id := range slices.Sorted(maps.Keys(f.wires.conns)) {
		c := f.wires.conns[id]
		if c.who != e.Who {
			continue
		}
		for _, ch := range slices.Sorted(maps.Keys(c.chans)) {
			f.handOver(c, c.chans[ch], "asked to end", e.At)
		}
	}
}
