package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/history/track"
	"github.com/comeback-chaos/xk6-comeback/harness/recovery"
)

// wires is what was seen of connections and their channels.
type wires struct {
	conns    map[uint32]*conn
	roles    map[string]*role // the target's
	inFlight int64            // delivered to the target and unsettled, over all channels
	targets  int              // connections of the target seen
	settles  int64            // the target's
	scratch  []history.MsgID

	badSettles, earlyAcks, closes                      int64
	badSettleExamples, earlyAckExamples, closeExamples examples
}

type conn struct {
	id       uint32
	who      string
	load     bool
	role     *role // nil: not the target's
	chans    map[uint16]*channel
	tampered bool // a frame on it was made or dropped by a fault
	touched  bool // by any fault
}

// role is one instance of the target.
type role struct {
	open     int   // connections
	consumed bool  // has it ever
	given    int64 // deliveries since the last fault began or was gone, while the load is on
}

type channel struct {
	tags    track.Tags // the target's deliveries, or the load's publishes, that are not settled
	highest uint64     // tag delivered
	doubled []uint64   // tags of which a fault made another delivery
	closed  time.Duration
}

// seeWire follows what happens on connections. What a fault put on the wire is nobody's doing.
func (f *Facts) seeWire(e *history.Event) {
	if e.Kind == history.ConnOpen {
		f.openConn(e)
		return
	}
	c := f.wires.conns[e.Conn]
	if c == nil {
		return // a connection of nobody: without ConnOpen its role is not known
	}
	if e.Flags&(history.Synthetic|history.Swallowed) != 0 {
		c.tampered = true
	}
	switch e.Kind {
	case history.Touch:
		c.touched = true
	case history.ChanOpen:
		f.dropChannel(c, e.Chan)
	case history.ChanClose:
		f.brokerClose(c, e)
		if ch := c.chans[e.Chan]; ch != nil && ch.closed == never {
			ch.closed = e.At
		}
	case history.ConnClose:
		f.brokerClose(c, e)
		f.closeConn(c)
	default:
		if c.load {
			f.seeLoad(c, e)
		} else if c.role != nil {
			f.seeTarget(c, e)
		}
	}
}

func (f *Facts) openConn(e *history.Event) {
	w := &f.wires
	if w.conns == nil {
		w.conns, w.roles = make(map[uint32]*conn), make(map[string]*role)
	}
	if old := w.conns[e.Conn]; old != nil {
		f.closeConn(old)
	}
	c := &conn{id: e.Conn, who: e.Who, load: recovery.IsLoad(e.Who), chans: make(map[uint16]*channel)}
	w.conns[e.Conn] = c
	if !f.isTarget(e.Who) {
		return
	}
	w.targets++
	if w.roles[e.Who] == nil {
		w.roles[e.Who] = &role{}
	}
	c.role = w.roles[e.Who]
	c.role.open++
	f.faults.attempt(e.Who, e.At)
	f.noteLive(e.At)
}

func (f *Facts) closeConn(c *conn) {
	for _, ch := range slices.Sorted(maps.Keys(c.chans)) {
		f.dropChannel(c, ch)
	}
	delete(f.wires.conns, c.id)
	if c.role != nil {
		c.role.open--
		f.noteLive(f.Last)
	}
}

// dropChannel forgets a channel's tags: at its next opening, and not at its close, since what the
// client sends before it has seen the close is no fault of its own.
func (f *Facts) dropChannel(c *conn, ch uint16) {
	if old := c.chans[ch]; old != nil && c.role != nil {
		f.wires.inFlight -= int64(old.tags.Len())
		f.forget(c, ch, old)
		end := f.Last
		if old.closed != never {
			end = old.closed
		}
		f.handOver(c, old, "its channel ended", end)
	}
	delete(c.chans, ch)
}

func (c *conn) channel(ch uint16) *channel {
	found := c.chans[ch]
	if found == nil {
		found = &channel{closed: never}
		c.chans[ch] = found
	}
	return found
}

// noteLive tells the stall watch whether any instance that has consumed still has a connection.
func (f *Facts) noteLive(at time.Duration) {
	live := false
	for _, r := range f.wires.roles {
		live = live || r.consumed && r.open > 0
	}
	f.stall.setLive(live, at)
	f.under.setLive(live, at)
}

// seeLoad follows publishes and confirms of the workload.
func (f *Facts) seeLoad(c *conn, e *history.Event) {
	switch e.Kind {
	case history.Publish:
		f.ledger.publish(e)
		if e.Tag != 0 {
			c.channel(e.Chan).tags.Add(e.Tag, e.Msg)
		}
	case history.Confirm, history.Refuse:
		if e.Flags&(history.Synthetic|history.Swallowed) != 0 {
			return // the broker never said it, or the load never heard it
		}
		for _, msg := range f.take(c.channel(e.Chan), e) {
			f.ledger.confirm(msg, e.Kind)
			if e.Kind == history.Confirm {
				f.urgency.confirm(msg, e.At)
			}
		}
	}
}

// take settles what an event names and gives the messages, valid until the next call.
func (f *Facts) take(ch *channel, e *history.Event) []history.MsgID {
	w := &f.wires
	if e.Flags.Has(history.Multiple) && e.Kind != history.Reject {
		w.scratch = ch.tags.TakeUpTo(e.Tag, w.scratch[:0])
		return w.scratch
	}
	msg, ok := ch.tags.Take(e.Tag)
	if !ok {
		return nil
	}
	w.scratch = append(w.scratch[:0], msg)
	return w.scratch
}

// seeTarget follows deliveries and settlements.
func (f *Facts) seeTarget(c *conn, e *history.Event) {
	switch e.Kind {
	case history.Publish:
		if !e.Flags.Has(history.Synthetic) {
			f.ledger.copied(e.Msg)
		}
	case history.Deliver:
		if e.Flags.Has(history.Swallowed) {
			return // the target never got it
		}
		ch := c.channel(e.Chan)
		ch.tags.Add(e.Tag, e.Msg) // a duplicate made by a fault is settled twice by a correct target
		ch.highest = max(ch.highest, e.Tag)
		if e.Flags.Has(history.Synthetic) {
			ch.doubled = append(ch.doubled, e.Tag)
		}
		f.held.note(c, ch, e, f.Meta.Expect.Prefetch)
		if !f.ledger.messages.At(e.Msg).state.has(delivered) {
			f.urgency.deliver(e.Msg)
		}
		f.forgotten.delivered(e.Msg, f.ledger.deliver(e))
		f.handed.delivered(e.Msg)
		if f.LoadEnded == never {
			c.role.given++
		}
		f.wires.inFlight++
		f.faults.noteInFlight(f.wires.inFlight)
		f.moved(e.At)
	case history.Ack, history.Nack, history.Reject:
		if !e.Flags.Has(history.Synthetic) {
			f.settle(c, e)
		}
	case history.Consume:
		if !e.Flags.Has(history.Synthetic) {
			c.role.consumed = true
			f.stall.consumes(e.Who)
			f.under.consumes(e.Who)
			f.noteLive(e.At)
		}
	}
}

// settle judges one settlement. A swallowed one is the target's all the same.
func (f *Facts) settle(c *conn, e *history.Event) {
	w, ch := &f.wires, c.channel(e.Chan)
	w.settles++
	f.moved(e.At)
	all := e.Tag == 0 && e.Flags.Has(history.Multiple) && e.Kind != history.Reject
	if !all && !ch.tags.Has(e.Tag) {
		why := "never delivered there"
		if e.Tag != 0 && e.Tag <= ch.highest {
			why = "settled already"
		}
		w.badSettles++
		w.badSettleExamples.add("%s: %s of tag %d by %s on connection %d channel %d, %s",
			clock(e.At), e.Kind, e.Tag, c.who, e.Conn, e.Chan, why)
		return
	}
	msgs := f.take(ch, e)
	w.inFlight -= int64(len(msgs))
	if e.Kind != history.Ack {
		return
	}
	for _, msg := range msgs {
		if msg != 0 && !f.ledger.ack(msg) {
			w.earlyAcks++
			w.earlyAckExamples.add("%s: %s acked by %s (connection %d channel %d tag %d) without an effect",
				clock(e.At), msg, c.who, e.Conn, e.Chan, e.Tag)
		}
	}
}

// brokerClose notes a close by the broker that the target brought about.
func (f *Facts) brokerClose(c *conn, e *history.Event) {
	if c.role == nil || !e.Flags.Has(history.FromBroker) || e.Flags.Has(history.Synthetic) || e.Code < 400 || e.Code > 599 {
		return
	}
	if c.tampered || c.touched && e.Code == 501 || e.Code == 541 || brokerIsDown(e.Text) || f.timedOut(e) {
		return
	}
	where := fmt.Sprintf("connection %d", e.Conn)
	if e.Kind == history.ChanClose {
		where += fmt.Sprintf(" channel %d (class %d method %d)", e.Chan, e.N>>16, e.N&0xffff)
	}
	f.wires.closes++
	f.wires.closeExamples.add("%s: %s of %s: %d %s", clock(e.At), where, c.who, e.Code, e.Text)
}

// timedOut recognises that the broker's patience with an unsettled delivery is over, while a fault has
// made it short: with the usual patience that is the target's fault.
func (f *Facts) timedOut(e *history.Event) bool {
	return e.Kind == history.ChanClose && e.Code == 406 && f.faults.on("consumerTimeout") &&
		strings.Contains(e.Text, "delivery acknowledgement") && strings.Contains(e.Text, "timed out")
}

// brokerIsDown recognises what a broker says while it starts or stops, whatever the client asked.
func brokerIsDown(text string) bool {
	for _, s := range []string{" is down", "down or inaccessible", "is stopped", "is stopping", "not running"} {
		if strings.Contains(text, s) {
			return true
		}
	}
	return false
}
