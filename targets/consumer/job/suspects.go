package job

import "sync"

// Suspects counts, by job, how often the AI process went down while working on it. A failure of the
// AI process is not a job's fault, but a job that kills it every time must end somewhere.
// Bounded: when full it forgets all and starts again. Safe for many goroutines; nil suspects nobody.
type Suspects struct {
	most int
	mu   sync.Mutex
	seen map[string]int
}

const suspectsKept = 1000

// NewSuspects makes one that has enough of a job after most crashes.
func NewSuspects(most int) *Suspects {
	return &Suspects{most: most, seen: make(map[string]int)}
}

// Seen notes a crash during a job, and tells whether that was one too many.
func (s *Suspects) Seen(id string) bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.seen) >= suspectsKept {
		clear(s.seen)
	}
	s.seen[id]++
	if s.seen[id] < s.most {
		return false
	}
	delete(s.seen, id)
	return true
}
