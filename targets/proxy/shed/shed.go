// Package shed turns requests away before they slow the others down: above a share of what the backends
// can work on at the same time a new one is told at once to come again later. Shedder is its central type.
package shed

import "sync/atomic"

// Shedder has places for Share of Limit. There is no memory in it: as soon as fewer are taken, nobody is turned away.
type Shedder struct {
	Share float64
	Limit func() int64 // active requests that there may be; 0: nobody could take one, which is for others to say

	active, shed atomic.Int64
}

// Active tells how many requests are under way; Shed how many were turned away so far.
func (s *Shedder) Active() int64 { return s.active.Load() }

// Shed tells how many requests were turned away so far.
func (s *Shedder) Shed() int64 { return s.shed.Load() }

// threshold is how many may be active. One always may.
func (s *Shedder) threshold(limit int64) int64 {
	return max(1, int64(s.Share*float64(limit)))
}

// Enter takes a place, which Leave gives back; false: there is none. Who gets none never counted: a flood of them must
// not keep others out.
func (s *Shedder) Enter() bool {
	limit := s.Limit()
	most := s.threshold(limit)
	for {
		active := s.active.Load()
		if limit > 0 && active >= most {
			s.shed.Add(1)
			return false
		}
		if s.active.CompareAndSwap(active, active+1) {
			return true
		}
	}
}

// Leave gives a place back.
func (s *Shedder) Leave() { s.active.Add(-1) }
