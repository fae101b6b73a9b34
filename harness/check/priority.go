package check

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// onTheWay is how many less urgent messages may be delivered after a message was confirmed and before
// it is: those that the broker had sent already.
const onTheWay = 100

var priority = Check{
	Name: "priority",
	Doc: `An urgent message overtakes what waits: after the broker has confirmed it, at most 100 messages of lower priority are
delivered for the first time before it is. Needs a message that overtook at least one: where nothing waits there is nothing to
overtake. Applies when messages were offered with a priority.`,
	Applies: func(f *Facts) bool { return len(f.urgency.urgent) > 0 },
	Judge: func(f *Facts) Result {
		u := &f.urgency
		switch {
		case u.late > 0:
			return fail(u.examples, "%d of %s waited while more than %d of lower priority were delivered", u.late, count(len(u.urgent), "urgent message"), onTheWay)
		case u.overtook == 0:
			return unknown("no message of lower priority waited when the %s came", count(len(u.urgent), "urgent message"))
		}
		return pass("%d of %s overtook what waited; %d of lower priority came before one of them at most", u.overtook, count(len(u.urgent), "urgent message"), u.worst)
	},
}

// urgency follows messages with a priority. A message without one has priority 0.
type urgency struct {
	urgent    map[history.MsgID]*urgent
	offered   [256]int64 // messages, by priority
	confirmed [256]int64
	delivered [256]int64 // for the first time

	overtook int64 // urgent messages that overtook others
	late     int64 // urgent messages that others were preferred to
	worst    int64 // deliveries of lower priority while an urgent one waited
	examples examples
}

type urgent struct {
	priority  uint8
	confirmed time.Duration // never: not yet
	before    int64         // deliveries of lower priority up to then
	ahead     int64         // messages of lower priority that were offered before it
	delivered bool
}

func (u *urgency) offer(e *history.Event) {
	if e.Code <= 0 || e.Code > 255 {
		u.offered[0]++
		return
	}
	if u.urgent == nil {
		u.urgent = make(map[history.MsgID]*urgent)
	}
	u.offered[e.Code]++
	u.urgent[e.Msg] = &urgent{priority: uint8(e.Code), confirmed: never, ahead: u.lower(&u.offered, uint8(e.Code))}
}

func (u *urgency) confirm(id history.MsgID, at time.Duration) {
	m := u.urgent[id]
	switch {
	case id == 0:
		return // without a message-id it cannot be told from others of its kind
	case m == nil:
		u.confirmed[0]++
		return
	}
	u.confirmed[m.priority]++
	m.confirmed, m.before = at, u.lower(&u.delivered, m.priority)
}

// deliver notes that the target got a message for the first time.
func (u *urgency) deliver(id history.MsgID) {
	m := u.urgent[id]
	switch {
	case id == 0:
		return
	case m == nil:
		u.delivered[0]++
		return
	}
	u.delivered[m.priority]++
	m.delivered = true
	// The broker takes a connection's messages in their order, and confirms them in any.
	if u.lower(&u.delivered, m.priority) < min(m.ahead, u.lower(&u.confirmed, m.priority)) {
		u.overtook++ // of those that were there before it, some still wait
	}
	u.weigh(id, m)
}

// weigh looks how long an urgent message has waited, counted in deliveries.
func (u *urgency) weigh(id history.MsgID, m *urgent) {
	if m.confirmed == never {
		return // delivered before the load heard of it
	}
	passed := u.lower(&u.delivered, m.priority) - m.before
	u.worst = max(u.worst, passed)
	if passed > onTheWay {
		u.late++
		u.examples.add("%s: confirmed at %s with priority %d, %d of lower priority were delivered before it", id, clock(m.confirmed), m.priority, passed)
	}
}

// finish weighs those that were never delivered.
func (u *urgency) finish() {
	for _, id := range slices.SortedFunc(maps.Keys(u.urgent), cmp.Compare) {
		if m := u.urgent[id]; !m.delivered {
			m.delivered = true
			u.weigh(id, m)
		}
	}
}

func (*urgency) lower(of *[256]int64, than uint8) int64 {
	sum := int64(0)
	for _, n := range of[:than] {
		sum += n
	}
	return sum
}
