package upstream

import (
	"context"
	"crypto/sha256"
	"math"
	"sync/atomic"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

// illness is what a rule has done to the whole upstream; it lasts until the rule is taken out.
type illness struct {
	rule  *script.Armed[Rule]
	since time.Time
}

// firstPause is how late answers are when a spiral has lasted for as long as it takes to double.
const firstPause = 10 * time.Millisecond

// sicken begins an illness; false when the upstream has it already.
func (s *Server) sicken(slot *atomic.Pointer[illness], a *script.Armed[Rule]) bool {
	old := slot.Load()
	return !old.lasts() && slot.CompareAndSwap(old, &illness{rule: a, since: time.Now()})
}

func (i *illness) lasts() bool {
	if i == nil {
		return false
	}
	select {
	case <-i.rule.Gone():
		return false
	default:
		return true
	}
}

// suffer lets the request wait for what ails the upstream. spared: no deadlock is in its way.
func (c *call) suffer(spared bool) {
	if i := c.s.spiral.Load(); i.lasts() {
		c.linger(i.rule, pause(time.Since(i.since), time.Duration(i.rule.Rule.Delay)))
	}
	if i := c.s.stuck.Load(); i.lasts() && !spared {
		c.linger(i.rule, forever)
	}
}

// pause is how late an answer is when a spiral that doubles every so often has lasted for t.
func pause(t, doubles time.Duration) time.Duration {
	late := float64(firstPause) * (math.Exp2(float64(t)/float64(doubles)) - 1)
	return time.Duration(min(late, float64(script.MaxDelay)))
}

// burn keeps one core busy, as a collector that frees nothing does.
func (s *Server) burn(a *script.Armed[Rule]) {
	var sum [sha256.Size]byte
	for {
		select {
		case <-a.Gone():
			return
		case <-s.ctx.Done():
			return
		default:
			sum = sha256.Sum256(sum[:])
		}
	}
}

// forever is until the rule is taken out.
const forever = time.Duration(math.MaxInt64)

// linger waits for d, at most until the rule is taken out.
func (s *Server) linger(a *script.Armed[Rule], d time.Duration) error {
	late := time.NewTimer(d)
	defer late.Stop()
	select {
	case <-late.C:
		return nil
	case <-a.Gone():
		return nil
	case <-s.ctx.Done():
		return context.Cause(s.ctx)
	}
}
