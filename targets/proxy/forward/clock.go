package forward

import (
	"errors"
	"sync/atomic"
	"time"
)

// What ends an attempt that takes too long.
var (
	errFirstByte = errors.New("no answer in time")
	errIdle      = errors.New("the answer stopped")
	errBodyIdle  = errors.New("the body of the request stopped")
	errTotal     = errors.New("not done in time")
)

// phase is what an attempt waits for.
type phase int32

const (
	firstByte phase = iota // the head of the answer
	bodyIdle               // the client's body
	idle                   // the body of the answer
	upgraded               // either side of an upgraded connection
	resting                // the client, which takes its time
)

// clock keeps an attempt within its limits. A timer looks a few times in each limit whether anything has moved
// since it last looked: so a read costs two writes to memory and no work with timers, and who has stopped is ended
// at its limit, or up to an eighth of that later.
type clock struct {
	timer *time.Timer
	phase atomic.Int32
	moves atomic.Uint32

	// Of the timer alone.
	seen  uint32
	since time.Time
}

// forever stands for no limit.
const forever = 365 * 24 * time.Hour

// limit of a phase, and what ends an attempt that is over it.
func (l *Limits) limit(p phase) (time.Duration, error) {
	d, why := forever, error(nil)
	switch p {
	case firstByte:
		d, why = l.FirstByte, errFirstByte
	case bodyIdle:
		d, why = l.Idle, errBodyIdle
	case idle:
		d, why = l.Idle, errIdle
	case upgraded:
		d, why = l.Upgrade, errIdle
	}
	if d <= 0 {
		d = forever
	}
	return d, why
}

func (c *clock) start(a *attempt) {
	now := time.Now()
	c.since = now
	a.mu.Lock() // look may be early
	defer a.mu.Unlock()
	c.timer = time.AfterFunc(a.next(now, forever), a.look)
}

// enter begins a phase; it is also called when something has moved in it.
func (c *clock) enter(p phase) {
	c.phase.Store(int32(p))
	c.moves.Add(1)
}

// next is when to look again, when the present phase is over in left.
func (a *attempt) next(now time.Time, left time.Duration) time.Duration {
	d := left
	for _, l := range [...]time.Duration{a.x.Limits.FirstByte, a.x.Limits.Idle, a.x.Limits.Upgrade} {
		if l > 0 {
			d = min(d, l/8)
		}
	}
	if !a.x.deadline.IsZero() {
		d = min(d, a.x.deadline.Sub(now))
	}
	return max(d, time.Millisecond)
}

// look is called by the timer.
func (a *attempt) look() {
	c, now := &a.clock, time.Now()
	if !a.x.deadline.IsZero() && !now.Before(a.x.deadline) {
		a.late(errTotal)
		return
	}
	if m := c.moves.Load(); m != c.seen {
		c.seen, c.since = m, now
	}
	limit, why := a.x.Limits.limit(phase(c.phase.Load()))
	left := limit - now.Sub(c.since)
	if left <= 0 {
		a.late(why)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ctx.Err() == nil { // else it has ended, and would not again
		c.timer.Reset(a.next(now, left))
	}
}

// late ends the attempt.
func (a *attempt) late(why error) {
	a.cancel(why)
	if why != errBodyIdle {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.answered { // the round trip does not end while the body is read
		a.x.readBy(time.Nanosecond)
	}
}
