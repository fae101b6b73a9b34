package job

import "sync"

// Suspects deals with jobs that may kill the AI process. That it went down is not a job's fault, and
// of all jobs that were with it at that moment at most one is the culprit. So each of them runs alone
// the next time, and only one that takes the AI process down while alone, most times, is given up.
// Bounded: when full it forgets all and starts again. Safe for many goroutines; nil suspects nobody.
type Suspects struct {
	most  int
	alone sync.RWMutex // held for writing by a suspect, for reading by the others

	mu      sync.Mutex
	crashes map[string]int // crashes while alone, by id of each suspect
}

const suspectsKept = 1000

// Trial is what became of the AI process while it had a job.
type Trial int

// The trials.
const (
	Untried  Trial = iota // it never had the job, or not to its end: that tells nothing
	Survived              // it answered
	Crashed               // it went down
)

// NewSuspects makes one that has enough of a job after most crashes.
func NewSuspects(most int) *Suspects {
	return &Suspects{most: most, crashes: make(map[string]int)}
}

// Enter waits until the job may go to the AI process. Leave must be called when it is back; it tells
// whether the AI process went down once too often.
func (s *Suspects) Enter(id string) (leave func(Trial) bool) {
	if s == nil {
		return func(Trial) bool { return false }
	}
	s.mu.Lock()
	_, suspect := s.crashes[id]
	s.mu.Unlock()
	if suspect {
		s.alone.Lock()
	} else {
		s.alone.RLock()
	}
	return func(t Trial) bool {
		if suspect {
			s.alone.Unlock()
		} else {
			s.alone.RUnlock()
		}
		return s.note(id, t, suspect)
	}
}

func (s *Suspects) note(id string, t Trial, alone bool) bool {
	if t == Untried || t == Survived && !alone {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t == Survived {
		delete(s.crashes, id)
		return false
	}
	if len(s.crashes) >= suspectsKept {
		clear(s.crashes)
	}
	times := s.crashes[id]
	if alone {
		times++
	}
	s.crashes[id] = times
	if times < s.most {
		return false
	}
	delete(s.crashes, id)
	return true
}
