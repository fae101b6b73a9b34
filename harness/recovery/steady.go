package recovery

import (
	"fmt"
	"math"
	"time"
)

// Range is a target's steady state: what a Series showed before the fault.
type Range struct {
	From    time.Duration `json:"from"`             // the stretch it was read from
	To      time.Duration `json:"to"`               //
	Rate    float64       `json:"rate"`             // effects a second, mean
	MinRate float64       `json:"minRate"`          // lowest over a second
	Latency time.Duration `json:"latency"`          // highest, offer → first effect
	Backlog int           `json:"backlog"`          // highest: offered, no effect yet
	Failed  int           `json:"failed,omitempty"` // requests that failed: what is normal is not looked at afterwards
}

const (
	window    = int(time.Second / Tick) // rates are looked at over a second
	minSteady = window                  // a shorter stretch shows no range
	keepUp    = 0.9                     // share of the offered rate that counts as keeping up
)

// Steady reads the steady state from a stretch of the run, the one before the first fault. The first
// quarter of it, at most a second, is left out: a target that warms up would widen the range. The
// error says why there is no steady state.
func Steady(s *Series, from, to time.Duration) (Range, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from += min((to-from)/4, time.Second)
	first := max(0, int((from-s.base+Tick-1)/Tick))
	last := min(len(s.ticks), int((to-s.base)/Tick))
	if !s.started || last-first < minSteady {
		return Range{}, fmt.Errorf("only %v of load to read the normal range from, wanted at least %v",
			(time.Duration(max(0, last-first)) * Tick), time.Duration(minSteady)*Tick)
	}
	r := Range{From: s.base + time.Duration(first)*Tick, To: s.base + time.Duration(last)*Tick, MinRate: math.Inf(1)}
	offered, effects, recent, backlog := 0, 0, 0, s.backlogBefore(first)
	for i := first; i < last; i++ {
		t := &s.ticks[i]
		offered += int(t.offered) - int(t.gone)
		effects += int(t.effects)
		recent += int(t.effects)
		r.Failed += int(t.failed)
		backlog += int(t.offered) - t.settled()
		r.Backlog = max(r.Backlog, backlog)
		r.Latency = max(r.Latency, time.Duration(t.worst)*time.Microsecond)
		if i-first >= window {
			recent -= int(s.ticks[i-window].effects)
		}
		if i-first >= window-1 {
			r.MinRate = min(r.MinRate, float64(recent))
		}
	}
	r.Rate = float64(effects) / (r.To - r.From).Seconds()
	if effects == 0 || float64(effects) < keepUp*float64(offered)-2 {
		return Range{}, fmt.Errorf("the target did not keep up before the fault: %d effects of %d messages in %v",
			effects, offered, r.To-r.From)
	}
	return r, nil
}

// backlogBefore is the backlog at the beginning of a tick. The caller holds mu.
func (s *Series) backlogBefore(tick int) int {
	backlog := 0
	for _, t := range s.ticks[:min(tick, len(s.ticks))] {
		backlog += int(t.offered) - t.settled()
	}
	return backlog
}
