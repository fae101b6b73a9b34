package recovery

import (
	"fmt"
	"math"
	"time"
)

// Hold is how long the steady state must hold to count, when the caller names no other time.
const Hold = time.Second

// The slack around the range seen before the fault. Coming back is judged tightly over a short
// stretch, so that the moment is exact; staying is judged with slackTime on top, which is about as
// long as a machine with two busy cores pauses a process, so that such a pause is no relapse.
const (
	slackShare = 1.25
	slackTime  = 250 * time.Millisecond
	tightTime  = 2 * Tick
	tightTicks = int(200 * time.Millisecond / Tick)
	relapse    = int(500 * time.Millisecond / Tick) // out of range for this long without a break
	maxSilence = int(10 * time.Minute / Tick)       // of a run's last stretch without messages; more tells no more
)

// limits are a Range with its slack.
type limits struct {
	tightLatency, looseLatency uint32 // µs
	tightBacklog, looseBacklog int
	rate                       float64
	failures                   bool // some are normal
}

func (r Range) limits() limits {
	share := func(d time.Duration) int { return int(math.Ceil(r.Rate * d.Seconds())) }
	latency := time.Duration(slackShare*float64(r.Latency)) + tightTime
	backlog := int(slackShare*float64(r.Backlog)) + 2 + share(tightTime)
	return limits{
		tightLatency: micros(latency), looseLatency: micros(latency + slackTime),
		tightBacklog: backlog, looseBacklog: backlog + share(slackTime),
		rate: keepUp * min(r.MinRate, keepUp*r.Rate), failures: r.Failed > 0,
	}
}

// measurement is the work of one Measure.
type measurement struct {
	limits
	s            *Series
	ticks        []slot // while the load is on; an unfinished last one is left out
	backlog      []int  // at the end of each tick
	heal         time.Duration
	first, hold  int // ticks
	late         int // last tick in which a message offered before the heal came through late; -1: none
	stillWaiting int // messages offered before the heal that never came through
}

// Measure finds how long after heal the steady state held again: the first moment from which rate,
// latency and backlog are in range and stay there for hold (0: Hold), with no relapse while the load
// is on. It is exact to a Tick. A message offered before the heal that comes through late keeps the
// target out of range until then, as does one that never does: that backlog is not drained.
func Measure(s *Series, steady Range, heal, hold time.Duration) Outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	if hold <= 0 {
		hold = Hold
	}
	m := measurement{limits: steady.limits(), s: s, heal: heal, hold: int((hold + Tick - 1) / Tick)}
	m.prepare()
	at := m.find()
	if at < 0 {
		return m.missing()
	}
	o := Outcome{Measured: true, Recovered: true, After: m.after(at)}
	if again := m.relapsed(at + m.hold); again >= 0 {
		o.Recovered, o.Relapsed = false, true
		o.Reason = fmt.Sprintf("back in range %s after the heal, but out of it again %s after it: %s",
			seconds(o.After), seconds(m.after(again)), m.describe(again))
		return o
	}
	o.Reason = fmt.Sprintf("back in range %s after the heal and stayed (rate ≥ %.1f/s, latency ≤ %v, backlog ≤ %d)",
		seconds(o.After), m.rate, time.Duration(m.tightLatency)*time.Microsecond, m.tightBacklog)
	return o
}

func (m *measurement) prepare() {
	s := m.s
	end := s.end
	if s.loadEnd != 0 {
		end = min(end, s.loadEnd)
	}
	whole := max(0, min(len(s.ticks), int((end-s.base)/Tick)))
	// A tick without any event has no slot yet, but the time has passed.
	m.ticks = s.ticks[:whole]
	if missing := min(maxSilence, int((end-s.base)/Tick)-whole); missing > 0 && s.started {
		m.ticks = append(m.ticks[:whole:whole], make([]slot, missing)...)
	}
	m.backlog = make([]int, len(m.ticks))
	sum := 0
	for i, t := range m.ticks {
		sum += int(t.offered) - t.settled()
		m.backlog[i] = sum
	}
	m.first = max(0, int((m.heal-s.base)/Tick))
	m.late = -1
	for i := min(m.first, len(s.ticks)); i < len(s.ticks); i++ {
		worst := time.Duration(s.ticks[i].worst) * time.Microsecond
		since := s.base + time.Duration(i)*Tick - m.heal
		if s.ticks[i].worst > m.tightLatency && worst > since {
			m.late = i
		}
	}
	for _, t := range s.ticks[:min(m.first, len(s.ticks))] {
		m.stillWaiting += int(t.offered) - int(t.gone) - int(t.done)
	}
}

// find gives the first tick of recovery, -1 when there is none.
func (m *measurement) find() int {
	if m.stillWaiting > 0 && m.overdue() {
		return -1
	}
	tight, loose := m.runs(m.isTight), m.runs(m.isLoose)
	for i := max(m.first, m.late+1); i+m.hold <= len(m.ticks); i++ {
		if tight[i] >= min(tightTicks, m.hold) && loose[i] >= m.hold && m.rateHolds(i) {
			return i
		}
	}
	return -1
}

// overdue tells whether what was offered before the heal should have come through by now.
func (m *measurement) overdue() bool {
	return m.s.end-m.heal > time.Duration(m.tightLatency)*time.Microsecond
}

func (m *measurement) isTight(i int) bool {
	return m.backlog[i] <= m.tightBacklog && m.ticks[i].worst <= m.tightLatency && m.works(i)
}

func (m *measurement) isLoose(i int) bool {
	return m.backlog[i] <= m.looseBacklog && m.ticks[i].worst <= m.looseLatency && m.works(i)
}

// works tells whether no request failed in a tick that would not have failed before the fault.
func (m *measurement) works(i int) bool { return m.failures || m.ticks[i].failed == 0 }

// runs tells for every tick how many in a row from it on are good.
func (m *measurement) runs(good func(int) bool) []int {
	runs := make([]int, len(m.ticks)+1)
	for i := len(m.ticks) - 1; i >= m.first; i-- {
		if good(i) {
			runs[i] = runs[i+1] + 1
		}
	}
	return runs
}

// rateHolds looks at the hold that begins at a tick. Where the load offered less than before, keeping
// up with it is enough; but where nothing was done at all, nothing is known.
func (m *measurement) rateHolds(from int) bool {
	offered, effects := 0, 0
	for _, t := range m.ticks[from:min(len(m.ticks), from+m.hold)] {
		offered += int(t.offered) - int(t.gone)
		effects += int(t.effects)
	}
	return effects > 0 && (effects >= m.enough() || float64(effects) >= keepUp*float64(offered)-2)
}

// enough is the number of effects that a hold must have.
func (m *measurement) enough() int { return int(m.rate * (time.Duration(m.hold) * Tick).Seconds()) }

// relapsed gives the tick at which the target left the range again, -1 when it did not.
func (m *measurement) relapsed(from int) int {
	bad := m.runs(func(i int) bool { return !m.isLoose(i) })
	for i := from; i < len(m.ticks); i++ {
		if bad[i] >= relapse {
			return i
		}
	}
	low := 0 // holds in a row with too low a rate; a pause that a hold ends in makes one, and no second
	for i := from; i+m.hold <= len(m.ticks) && m.enough() > 0; i += m.hold {
		if m.rateHolds(i) {
			low = 0
		} else if low++; low == 2 {
			return i
		}
	}
	return -1
}

// after is the time from the heal to the beginning of a tick.
func (m *measurement) after(tick int) time.Duration {
	return max(0, m.s.base+time.Duration(tick)*Tick-m.heal)
}

// missing says why there is no moment of recovery.
func (m *measurement) missing() Outcome {
	seen := seconds(m.after(len(m.ticks)))
	if len(m.ticks)-m.first < m.hold {
		return Outcome{Reason: fmt.Sprintf("only %s of load after the heal, wanted at least %v", seen, time.Duration(m.hold)*Tick)}
	}
	if m.stillWaiting > 0 && m.overdue() {
		return Outcome{Measured: true, Reason: fmt.Sprintf("not recovered: %d messages offered before the heal had no effect in the %s after it",
			m.stillWaiting, seen)}
	}
	tight := m.runs(m.isTight)
	if from := len(m.ticks) - min(tightTicks, m.hold); m.late < from && tight[from] >= len(m.ticks)-from && !m.idle() {
		return Outcome{Reason: fmt.Sprintf("in range at the end, %s after the heal, but the load ended before it had held for %v",
			seen, time.Duration(m.hold)*Tick)}
	}
	return Outcome{Measured: true, Reason: fmt.Sprintf("not recovered within %s of the heal: %s", seen, m.describe(len(m.ticks)-1))}
}

// idle tells whether nothing was done in the last hold although messages were offered. Without a backlog
// that is no good end: the broker had no queue for them.
func (m *measurement) idle() bool {
	offered, effects := 0, 0
	for _, t := range m.ticks[max(m.first, len(m.ticks)-m.hold):] {
		offered += int(t.offered)
		effects += int(t.effects)
	}
	return offered > 0 && effects == 0
}

// seconds writes a duration for people.
func seconds(d time.Duration) string { return fmt.Sprintf("%.3fs", d.Seconds()) }

// describe tells a tick's state against the limits.
func (m *measurement) describe(i int) string {
	effects, failed, worst := 0, 0, uint32(0)
	from := max(0, i+1-window)
	for _, t := range m.ticks[from : i+1] {
		effects += int(t.effects)
		failed += int(t.failed)
		worst = max(worst, t.worst)
	}
	if failed > 0 && !m.failures {
		return fmt.Sprintf("%d requests failed beside %d that did not in the second before", failed, effects)
	}
	return fmt.Sprintf("backlog %d (limit %d), highest latency %v (limit %v) and %d effects (limit %.1f) in the second before",
		m.backlog[i], m.looseBacklog, time.Duration(worst)*time.Microsecond,
		time.Duration(m.looseLatency)*time.Microsecond, effects, m.rate)
}
