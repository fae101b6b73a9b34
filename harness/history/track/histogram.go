package track

import (
	"math/bits"
	"time"
)

const (
	subBits     = 6 // 64 steps an octave: 1.6 % wide at most
	histBuckets = (64 - subBits) << subBits
)

// Histogram counts durations in microseconds, from 1 µs on, to within 1.6 %. The zero value is ready
// for use.
type Histogram struct {
	counts []uint32
	count  int64
	max    time.Duration
}

// Add counts one duration; a negative one counts as 0.
func (h *Histogram) Add(d time.Duration) {
	if h.counts == nil {
		h.counts = make([]uint32, histBuckets)
	}
	d = max(0, d)
	h.counts[bucket(uint64(d/time.Microsecond))]++
	h.count++
	h.max = max(h.max, d)
}

// Count is the number of durations.
func (h *Histogram) Count() int64 { return h.count }

// Max is exact; 0 when there is none.
func (h *Histogram) Max() time.Duration { return h.max }

// Quantile gives an upper bound, 1.6 % wide, of the q-th quantile, q from 0 to 1; 0 when empty.
func (h *Histogram) Quantile(q float64) time.Duration {
	rank := max(1, int64(q*float64(h.count)+0.5))
	for i, n := range h.counts {
		rank -= int64(n)
		if rank <= 0 {
			return min(h.max, time.Duration(upper(i))*time.Microsecond)
		}
	}
	return h.max
}

// bucket numbers values below 64 one by one, and then 64 to an octave.
func bucket(v uint64) int {
	octave := max(0, bits.Len64(v)-1-subBits)
	return octave<<subBits + int(v>>octave)
}

// upper is the highest value of a bucket.
func upper(i int) uint64 {
	octave := max(0, i>>subBits-1)
	first := uint64(i-octave<<subBits) << octave
	return first + 1<<octave - 1
}
