package recovery

import (
	"math/bits"
	"time"
)

// Point is one Bucket of a Series, for charts and live gauges.
type Point struct {
	At      time.Duration `json:"at"` // where the bucket begins, since the run's base
	Offered int           `json:"offered"`
	Effects int           `json:"effects"`
	Failed  int           `json:"failed,omitempty"` // requests
	Backlog int           `json:"backlog"`          // at the bucket's end
	P50     time.Duration `json:"p50"`              // of the effects in the bucket, within a factor of 1.5
	P90     time.Duration `json:"p90"`              //
	Max     time.Duration `json:"max"`              // exact to 1 µs
}

// Points gives the whole series, a Point for each Bucket.
func (s *Series) Points() []Point {
	s.mu.Lock()
	defer s.mu.Unlock()
	points := make([]Point, (len(s.ticks)+perBucket-1)/perBucket)
	backlog := 0
	for i, t := range s.ticks {
		p := &points[i/perBucket]
		backlog += int(t.offered) - t.settled()
		p.Offered += int(t.offered)
		p.Effects += int(t.effects)
		p.Failed += int(t.failed)
		p.Backlog = backlog
		p.Max = max(p.Max, time.Duration(t.worst)*time.Microsecond)
	}
	for i := range points {
		p := &points[i]
		p.At = s.base + time.Duration(i)*Bucket
		if i < len(s.buckets) {
			p.P50 = min(p.Max, s.buckets[i].quantile(0.5))
			p.P90 = min(p.Max, s.buckets[i].quantile(0.9))
		}
	}
	return points
}

// latencies is a small histogram: two steps an octave, from 1 µs to a minute.
type latencies [52]uint16

func (l *latencies) add(d time.Duration) {
	i := 0
	if v := uint64(d / time.Microsecond); v > 1 {
		octave := bits.Len64(v) - 1
		i = min(2*octave+int(v>>(octave-1)&1), len(l)-1)
	}
	if l[i] < 1<<16-1 {
		l[i]++
	}
}

// quantile gives the upper end of the step that the q-th quantile is in.
func (l *latencies) quantile(q float64) time.Duration {
	count := 0
	for _, n := range l {
		count += int(n)
	}
	rank := max(1, int(q*float64(count)+0.5))
	for i, n := range l {
		rank -= int(n)
		if rank <= 0 {
			octave, half := i/2, i%2
			return time.Duration((2+half+1)<<octave/2) * time.Microsecond
		}
	}
	return 0
}
