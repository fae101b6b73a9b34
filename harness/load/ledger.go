package load

// Counts tells what became of the messages so far. Every offered message is in exactly one place:
//
//	Offered   = Buffered + Published
//	Published = Confirmed + Refused + Returned + Unknown + those in flight
type Counts struct {
	Offered   uint64 // taken by Submit
	Published uint64 // handed to a connection
	Confirmed uint64 // confirmed by the broker and not returned
	Refused   uint64 // answered with basic.nack
	Returned  uint64 // sent back as unroutable: no such queue
	Unknown   uint64 // unanswered when their connection ended, or for 65,536 later messages: may have happened
	Buffered  uint64 // offered and not sent yet
	Dropped   uint64 // Submits turned away: the buffer was full. Not part of Offered
}

// InFlight is the number of messages published and neither answered nor given up.
func (c Counts) InFlight() uint64 {
	return c.Published - c.Confirmed - c.Refused - c.Returned - c.Unknown
}

// mark is what is known of one message in flight.
type mark uint8

const (
	waiting  mark = iota
	returned      // a basic.return came; its confirm is still to come
	settled       // answered, but an older message is not
)

// ledger accounts for messages by id. Ids are consecutive and sent in their order, each at most once,
// so a connection's publish sequence number is the id less the last id sent before that connection.
// It holds no lock, no message and no connection.
type ledger struct {
	c      Counts
	window int
	first  uint64 // ids up to it were sent on earlier connections
	low    uint64 // ids up to it are settled
	marks  []mark // of the ids in (low, Published], by id modulo its length
}

// newLedger lets window messages be in flight, and an answer be overtaken by those of span-1 later ones.
func newLedger(window, span int) *ledger {
	return &ledger{window: window, marks: make([]mark, max(window, span))}
}

// offer takes a message and returns its id, counting from 1.
func (l *ledger) offer() uint64 {
	l.c.Offered++
	l.c.Buffered++
	return l.c.Offered
}

// room is the number of messages that may be sent now.
func (l *ledger) room() int {
	return min(int(l.c.Buffered), l.window-int(l.c.InFlight()))
}

// send moves the oldest buffered message in flight and returns its id. It needs room. A message whose
// answer is that long overdue is given up: one lost confirm must not stop the load.
func (l *ledger) send() uint64 {
	id := l.c.Published + 1
	if span := uint64(len(l.marks)); id-l.low > span {
		l.giveUp(id - span)
		l.advance()
	}
	l.marks[l.slot(id)] = waiting
	l.c.Buffered--
	l.c.Published = id
	return id
}

// confirm settles the message with publish sequence number tag, or with multiple every one up to it.
// It reports false for a tag that is not in flight: a duplicate, or one that was never sent.
func (l *ledger) confirm(tag uint64, multiple, ack bool) bool {
	if tag == 0 && multiple {
		tag = l.c.Published - l.first // AMQP: everything outstanding
	}
	if tag == 0 || tag > l.c.Published-l.first {
		return false
	}
	id := l.first + tag
	if id <= l.low || (!multiple && l.marks[l.slot(id)] == settled) {
		return false
	}
	from := id
	if multiple {
		from = l.low + 1
	}
	for i := from; i <= id; i++ {
		l.settle(i, ack)
	}
	l.advance()
	return true
}

// advance moves low over what is settled.
func (l *ledger) advance() {
	for l.low < l.c.Published && l.marks[l.slot(l.low+1)] == settled {
		l.low++
	}
}

func (l *ledger) settle(id uint64, ack bool) {
	m := &l.marks[l.slot(id)]
	switch {
	case *m == settled:
		return
	case *m == returned:
		l.c.Returned++
	case ack:
		l.c.Confirmed++
	default:
		l.c.Refused++
	}
	*m = settled
}

// bounce notes that the broker sent the message back; the confirm that follows settles it.
func (l *ledger) bounce(id uint64) bool {
	if id <= l.low || id > l.c.Published || l.marks[l.slot(id)] != waiting {
		return false
	}
	l.marks[l.slot(id)] = returned
	return true
}

// cut ends the connection: what is in flight becomes unknown, but for what was already sent back, and
// the next connection's sequence starts at 1. It returns how many messages became unknown.
func (l *ledger) cut() uint64 {
	before := l.c.Unknown
	for id := l.low + 1; id <= l.c.Published; id++ {
		l.giveUp(id)
	}
	l.first, l.low = l.c.Published, l.c.Published
	return l.c.Unknown - before
}

// giveUp settles a message that gets no answer any more.
func (l *ledger) giveUp(id uint64) {
	m := &l.marks[l.slot(id)]
	switch *m {
	case waiting:
		l.c.Unknown++
	case returned:
		l.c.Returned++
	}
	*m = settled
}

func (l *ledger) idle() bool { return l.c.Buffered == 0 && l.c.InFlight() == 0 }

func (l *ledger) slot(id uint64) uint64 { return id % uint64(len(l.marks)) }
