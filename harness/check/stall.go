package check

import (
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// defaultStall is the longest standstill when the scenario states none.
const defaultStall = 2 * time.Second

// stall watches for a standstill: a queue has ready messages, a live consumer is there, and yet nothing is
// delivered, settled or done. It judges the times that it is told to.
type stall struct {
	queues   map[string]*queue
	consumed map[string]bool // queues that the target has consumed from
	faulty   bool            // nothing is judged at this time
	away     bool            // a target that has gone away stands still, too
	live     bool            // an instance that has consumed has an open connection
	liveEnd  time.Duration   // when live last ended
	last     time.Duration   // when anything last moved; never: not yet
	judged   time.Duration   // since when a standstill counts
	since    time.Duration   // the standstill in hand began; only with on
	on       bool

	longest, longestAt time.Duration // of a standstill, and its begin
	seen               time.Duration // last movement or answered probe
	blind, blindAt     time.Duration // longest time without either
	answers            int64         // probes answered while judged
	waited             bool          // one of them saw ready messages that somebody should be taking
	longestJudged      time.Duration // without a break
}

type queue struct {
	ready     int64
	consumers int32
}

// moved notes that something did.
func (s *stall) moved(at time.Duration) {
	s.finish(at)
	s.look(at)
	s.last = at
}

// look notes that something was seen: time without it is blind.
func (s *stall) look(at time.Duration) {
	if gap := at - max(s.seen, s.judged); !s.faulty && s.live && gap > s.blind {
		s.blind, s.blindAt = gap, max(s.seen, s.judged)
	}
	s.seen = at
}

// finish ends the standstill in hand.
func (s *stall) finish(at time.Duration) {
	if s.on && at-s.since > s.longest {
		s.longest, s.longestAt = at-s.since, s.since
	}
	s.on = false
}

// consumes notes a queue that the target takes messages from.
func (s *stall) consumes(name string) {
	if s.consumed == nil {
		s.consumed = make(map[string]bool)
	}
	s.consumed[name] = true
}

// probe notes the depth of a queue. A standstill begins with the first probe that sees one, at the
// last movement or the end of the last fault.
func (s *stall) probe(e *history.Event) {
	if e.Flags.Has(history.Failed) {
		return
	}
	if s.queues == nil {
		s.queues = make(map[string]*queue)
	}
	q := s.queues[e.Who]
	if q == nil {
		q = &queue{}
		s.queues[e.Who] = q
	}
	q.ready, q.consumers = e.N, e.Code
	s.look(e.At)
	if !s.faulty {
		s.answers++
		s.waited = s.waited || s.stuck()
	}
	s.weigh(e.At)
}

// weigh begins or ends a standstill as the state of things demands.
func (s *stall) weigh(at time.Duration) {
	if s.faulty || !s.stuck() {
		s.finish(at)
		return
	}
	if !s.on {
		s.on, s.since = true, at
	}
}

// stuck tells whether a queue has ready messages that somebody should be taking.
func (s *stall) stuck() bool {
	for name, q := range s.queues {
		if q.ready > 0 && (q.consumers > 0 || (s.live || s.away) && s.consumed[name]) {
			return true
		}
	}
	return false
}

func (s *stall) setLive(live bool, at time.Duration) {
	if s.live == live {
		return
	}
	if !live {
		s.look(at)
		s.liveEnd = at
		for _, q := range s.queues {
			q.consumers = 0 // the broker drops them with their connections; the next probe will say so
		}
	}
	s.live = live
	s.seen = max(s.seen, at)
	if s.on {
		s.weigh(at)
	}
}

func (s *stall) setJudged(judged bool, at time.Duration) {
	if !judged {
		s.look(at)
		s.finish(at)
		if !s.faulty {
			s.longestJudged = max(s.longestJudged, at-s.judged)
		}
	} else if s.faulty {
		s.judged = at
	}
	s.faulty = !judged
}
