// Package window counts what happened in the last seconds, without a lock. Counter is its type.
package window

import (
	"sync/atomic"
	"time"
)

// Counter counts over as many seconds as it was made for, the present one included.
type Counter struct {
	seconds []atomic.Uint64 // the second in the upper half, the count in the lower
}

// New makes a counter over so many seconds.
func New(seconds int) *Counter { return &Counter{make([]atomic.Uint64, seconds)} }

// Add counts one more at now.
func (c *Counter) Add(now time.Time) {
	second := uint64(uint32(now.Unix()))
	slot := &c.seconds[second%uint64(len(c.seconds))]
	for {
		was := slot.Load()
		next := was + 1
		if was>>32 != second {
			next = second<<32 | 1
		}
		if slot.CompareAndSwap(was, next) {
			return
		}
	}
}

// Sum gives the count of the seconds up to now.
func (c *Counter) Sum(now time.Time) int64 {
	second := uint64(uint32(now.Unix()))
	var sum int64
	for i := range c.seconds {
		v := c.seconds[i].Load()
		if age := second - v>>32; v != 0 && age < uint64(len(c.seconds)) {
			sum += int64(v & (1<<32 - 1))
		}
	}
	return sum
}
