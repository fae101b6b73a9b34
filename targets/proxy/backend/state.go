package backend

import (
	"fmt"
	"time"
)

// State is what a backend is to the proxy. Only a healthy one gets requests.
type State string

// The states.
const (
	Starting  State = "starting"  // new; not healthy yet
	Healthy   State = "healthy"   // in service
	Unhealthy State = "unhealthy" // its health checks fail
	Ejected   State = "ejected"   // its answers to requests failed, whatever its checks say
	Draining  State = "draining"  // finishes what it has
	Drained   State = "drained"   // gone
)

// States lists all states.
var States = []State{Starting, Healthy, Unhealthy, Ejected, Draining, Drained}

// Change is one change of state, with its reason.
type Change struct {
	At      time.Time `json:"at"`
	Backend string    `json:"backend"`
	URL     string    `json:"url"`
	Version string    `json:"version,omitempty"`
	From    State     `json:"from"`
	To      State     `json:"to"`
	Reason  string    `json:"reason"`
}

// life is the state machine of one backend. It has no clock and no lock.
type life struct {
	state  State
	since  time.Time
	reason string

	oks, fails int       // checks in a row
	until      time.Time // ejected at least until then
	ejections  int       // in a row: each doubles the time of the next
}

func (l *life) enter(at time.Time, s State, reason string) {
	l.state, l.since, l.reason = s, at, reason
	l.oks, l.fails = 0, 0
}

func (l *life) leaving() bool { return l.state == Draining || l.state == Drained }

// checked takes the result of a health check and tells whether the state is another one now.
func (l *life) checked(c Check, h Health) bool {
	if l.leaving() {
		return false
	}
	if c.OK {
		return l.passed(c, h)
	}
	l.oks = 0
	l.fails++
	if l.state == Unhealthy || l.fails < h.Unhealthy {
		return false
	}
	reason := c.What
	if l.state == Starting && h.Grace > 0 {
		if c.At.Sub(l.since) < h.Grace {
			return false // it may take so long to start
		}
		reason = fmt.Sprintf("not healthy within %v: %s", h.Grace, c.What)
	}
	l.enter(c.At, Unhealthy, reason)
	return true
}

func (l *life) passed(c Check, h Health) bool {
	l.fails = 0
	if l.state == Ejected && c.At.Before(l.until) {
		return false // its checks never were the trouble
	}
	l.oks++
	if l.state == Healthy || l.oks < h.Healthy {
		return false
	}
	l.enter(c.At, Healthy, c.What)
	return true
}

// eject takes a healthy backend out of service for some time, which doubles with each time that it
// comes back and fails again, up to limit. Who stays healthy for as long as limit starts anew.
func (l *life) eject(at time.Time, reason string, first, limit time.Duration) bool {
	if l.state != Healthy {
		return false
	}
	if at.Sub(l.since) >= limit {
		l.ejections = 0
	}
	d := first
	for range l.ejections {
		if d *= 2; d >= limit {
			break
		}
	}
	d = min(d, limit)
	l.ejections++
	l.enter(at, Ejected, fmt.Sprintf("%s; for at least %v", reason, d))
	l.until = at.Add(d)
	return true
}

// drain begins the end; gone completes it. There is no way back: a backend that is added again is a new one.
func (l *life) drain(at time.Time, reason string) bool {
	if l.leaving() {
		return false
	}
	l.enter(at, Draining, reason)
	return true
}

func (l *life) gone(at time.Time, reason string) bool {
	if l.state != Draining {
		return false
	}
	l.enter(at, Drained, reason)
	return true
}
