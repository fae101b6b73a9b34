package harness

import (
	"sync"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/recovery"
)

// live is what the lab knows of a run while it goes on. It is fed with the history's events, in their
// order, and by the same code that judges the history afterwards.
type live struct {
	mu     sync.Mutex
	series *recovery.Series
	now    time.Duration // of the last event
	begun  time.Duration // of the load, -1 before
	inject time.Duration // of the first fault, -1 before
	heal   time.Duration // of the last heal, -1 before

	offered   map[history.MsgID]time.Duration // without effect yet
	latencies []time.Duration                 // since they were last asked for
}

// maxLatencies bounds what is kept between two looks: k6's Trend keeps every sample for ever.
const maxLatencies = 200

func newLive() *live {
	return &live{
		series: &recovery.Series{}, begun: -1, inject: -1, heal: -1,
		offered: map[history.MsgID]time.Duration{},
	}
}

func (l *live) observe(e *history.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now = e.At
	l.series.Observe(e)
	switch e.Kind {
	case history.LoadBegin:
		l.begun = e.At
	case history.Inject:
		if l.inject < 0 {
			l.inject = e.At
		}
	case history.Heal:
		l.heal = e.At
	case history.Offer:
		l.offered[e.Msg] = e.At
	case history.Effect:
		l.effect(e)
	case history.Answer: // a good one is a request's effect, and with any other it waits no longer
		if e.Flags.Has(history.Good) {
			l.first(e)
		}
		delete(l.offered, e.Msg)
	}
}

func (l *live) effect(e *history.Event) {
	refused := e.Flags.Has(history.Refused) && !e.Flags.Has(history.Accepted)
	if !refused {
		l.first(e)
	}
}

// first notes the latency of the first effect of what was offered.
func (l *live) first(e *history.Event) {
	offered, first := l.offered[e.Msg]
	if !first {
		return
	}
	delete(l.offered, e.Msg)
	if len(l.latencies) < maxLatencies {
		l.latencies = append(l.latencies, e.At-offered)
	}
}

// Live is a look at a run that goes on.
type Live struct {
	Backlog   int             // offered, no effect yet
	Latencies []time.Duration // offer to first effect, since the last look; at most 200
}

// Live gives the run's state now, and the latencies since it was last asked.
func (l *Lab) Live() Live {
	l.live.mu.Lock()
	defer l.live.mu.Unlock()
	latencies := l.live.latencies
	l.live.latencies = nil
	return Live{Backlog: l.live.series.Backlog(), Latencies: latencies}
}
