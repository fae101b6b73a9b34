package backend

import (
	"math"
	"slices"
	"sync/atomic"
	"time"
)

// Picker chooses which backend is next: one of in that has room and is not among tried, or nil. It is
// asked by many goroutines at once.
type Picker interface {
	Pick(in, tried []*Backend) *Backend
}

// SlowStart is how a backend that has just come into service is spared: its share grows in a line over
// Window from nearly nothing to that of its weight. The zero value spares nobody.
type SlowStart struct{ Window time.Duration }

// leastShare keeps a backend that has just come back from getting nothing at all.
const leastShare = 0.02

// weight is a backend's at this moment.
func (s SlowStart) weight(b *Backend) float64 {
	w := float64(b.spec.Load().Weight)
	from := b.warmFrom.Load()
	if from == 0 || s.Window <= 0 {
		return w
	}
	share := float64(time.Now().UnixNano()-from) / float64(s.Window)
	if share >= 1 {
		b.warmFrom.CompareAndSwap(from, 0)
		return w
	}
	return w * max(share, leastShare)
}

// RoundRobin gives each backend requests in proportion to its weight, evenly spread. The zero value is
// ready. It keeps virtual time: a request costs a backend 1/weight of it, and who would be first to end
// one more is next. Who was away has no credit for that.
type RoundRobin struct {
	SlowStart SlowStart
	now       atomic.Uint64 // float64 bits
}

// Pick implements Picker.
func (r *RoundRobin) Pick(in, tried []*Backend) *Backend {
	for {
		now := math.Float64frombits(r.now.Load())
		var best *Backend
		var was uint64
		end := math.Inf(1)
		for _, b := range in {
			if !b.free() || len(tried) > 0 && slices.Contains(tried, b) {
				continue
			}
			last, cost := b.last.Load(), 1/r.SlowStart.weight(b)
			if e := max(math.Float64frombits(last), now-cost) + cost; e < end {
				best, was, end = b, last, e
			}
		}
		if best == nil {
			return nil
		}
		if best.last.CompareAndSwap(was, math.Float64bits(end)) {
			r.now.Store(math.Float64bits(end))
			return best
		}
	}
}

// LeastActive takes the backend with the fewest requests under way for its weight; among equals they
// take turns. The zero value is ready.
type LeastActive struct {
	SlowStart SlowStart
	turn      atomic.Uint64
}

// Pick implements Picker.
func (l *LeastActive) Pick(in, tried []*Backend) *Backend {
	if len(in) == 0 {
		return nil
	}
	var best *Backend
	least := math.Inf(1)
	first := int(l.turn.Add(1) % uint64(len(in)))
	for i := range in {
		b := in[(first+i)%len(in)]
		if !b.free() || len(tried) > 0 && slices.Contains(tried, b) {
			continue
		}
		if load := float64(b.active.Load()+1) / l.SlowStart.weight(b); load < least {
			best, least = b, load
		}
	}
	return best
}
