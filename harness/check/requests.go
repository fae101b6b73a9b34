package check

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/history/track"
)

// requests is what became of the requests of a target that answers them, beside the ledger, in which a good
// answer is a request's effect.
type requests struct {
	all      track.Table[request]
	versions []versionSeen // of good answers, in the order of their first

	by     map[string][]time.Duration // when each backend took requests, where rotation or back-in is judged
	gives  map[string][]time.Duration // when it was done with them, where rotation is
	health map[string][]healthAnswer  // of each backend, where rotation is judged
	reads  reads
	users  users

	unanswered, failed, turned, twice, takes    int64
	repeatable, notSpared                       int64         // offered and not unsafe; of these, not answered well
	orders, ordersTaken, strangers              int64         // unsafe: offered; of these, taken; taken, and of an id that was not offered
	turnedLast                                  time.Duration // when the last was turned away
	turnedOther                                 int64         // by another status than was expected
	turnedWaits                                 track.Histogram
	noAnswer, badAnswer, turnedAway, takenTwice examples
	notAsked                                    examples
}

// request is one of them.
type request struct {
	path   string
	user   string // who sent it, where it says
	get    bool
	unsafe bool // asked for again it may be done again
	well   bool // answered well
	gave   bool // a backend was done with it, and gaveWell: well

	gaveWell bool
	takes    uint8
	end      ending
}

// ending is how a request ended that was not answered well.
type ending uint8

const (
	inTurnedAway ending = iota + 1
	inBadAnswer
	inNoAnswer
)

// versionSeen is a version that answered.
type versionSeen struct {
	name        string
	n           int64
	first, last time.Duration
}

// Methods that may be sent again though nobody knows what became of the first (RFC 9110, section 9.2.2).
var idempotent = []string{"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"}

func (f *Facts) seeRequest(e *history.Event) {
	r := &f.requests
	switch e.Kind {
	case history.Offer:
		method, path, _ := strings.Cut(e.Text, " ")
		q := request{get: method == "GET", unsafe: !slices.Contains(idempotent, method), user: e.Who}
		if f.Meta.Expect.Latency != nil {
			q.path = path
		}
		*r.all.At(e.Msg) = q
		if q.unsafe {
			r.orders++
		} else {
			r.repeatable++
		}
		f.ledger.messages.At(e.Msg).state |= published | confirmed // from now on it is the target's
	case history.Take:
		f.taken(e)
	case history.Give:
		f.given(e)
		f.doneBy(e)
	case history.Health:
		f.wellOrIll(e)
	case history.Answer:
		f.answer(e)
	}
}

// taken notes that a backend began with a request.
func (f *Facts) taken(e *history.Event) {
	r, m := &f.requests, f.ledger.messages.At(e.Msg)
	if m.state&offered == 0 { // a health check, or somebody else's
		if method, _, ok := strings.Cut(e.Text, " "); ok && e.Msg != 0 && !slices.Contains(idempotent, method) { // the lab's own have no id
			r.strangers++
		}
		return
	}
	r.takes++
	m.state |= delivered
	if f.Meta.Expect.Rotation != nil || f.Meta.Expect.BackIn > 0 {
		r.takenBy(e.Who, e.At)
	}
	f.rollouts.took(e)
	q := r.all.At(e.Msg)
	if q.get {
		r.reads.taken++
	}
	if q.unsafe {
		r.ordersTaken++
	}
	if q.takes < math.MaxUint8 {
		q.takes++
	}
	if q.takes == 1 {
		return
	}
	f.ledger.again(e.Msg, m)
	if q.unsafe && q.takes == 2 {
		r.twice++
		r.takenTwice.add("%s: %s, taken a second time by %s at %s", e.Msg, e.Text, e.Who, clock(e.At))
	}
}

// answer notes what the load was told.
func (f *Facts) answer(e *history.Event) {
	r := &f.requests
	q := r.all.At(e.Msg)
	one := func(x *examples) { x.add("%s at %s: %d of %s", e.Msg, clock(e.At), e.Code, e.Text) }
	r.users.see(e, q.user)
	switch {
	case e.Flags.Has(history.Good):
		q.well = true
		effect := *e
		effect.Flags = 0 // they mean other things there
		f.ledger.effect(&effect)
		f.moved(e.At)
		r.answeredBy(e.Who, e.At)
		f.rollouts.answered(e.Who, e.At)
		if q.get {
			r.reads.answered++
		}
	case e.Flags.Has(history.Later):
		q.end = inTurnedAway
		r.turned++
		r.turnedLast = e.At
		r.turnedWaits.Add(time.Duration(e.N) * time.Microsecond)
		if want := f.Meta.Expect.TurnedAway; want != nil && want.Status != 0 && int(e.Code) != want.Status {
			r.turnedOther++
		}
		one(&r.turnedAway)
	case e.Code == 0:
		q.end = inNoAnswer
		r.unanswered++
		r.noAnswer.add("%s at %s: %s", e.Msg, clock(e.At), e.Text)
		r.fails(q, e)
	default:
		q.end = inBadAnswer
		r.failed++
		one(&r.badAnswer)
		r.fails(q, e)
	}
}

// fails notes a request that another backend could have answered.
func (r *requests) fails(q *request, e *history.Event) {
	if !q.unsafe {
		r.notSpared++
		r.notAsked.add("%s at %s: %d of %s", e.Msg, clock(e.At), e.Code, e.Text)
	}
}

func (r *requests) takenBy(backend string, at time.Duration) {
	if r.by == nil {
		r.by = map[string][]time.Duration{}
	}
	r.by[backend] = append(r.by[backend], at)
}

func (r *requests) answeredBy(version string, at time.Duration) {
	i := slices.IndexFunc(r.versions, func(v versionSeen) bool { return v.name == version })
	if i < 0 {
		i = len(r.versions)
		r.versions = append(r.versions, versionSeen{name: version, first: at})
	}
	r.versions[i].n++
	r.versions[i].last = at
}

// ofRequests tells whether the target answers requests, and ofQueue whether it consumes a queue.
func ofRequests(f *Facts) bool { return f.Meta.HTTP }
func ofQueue(f *Facts) bool    { return !f.Meta.HTTP }
