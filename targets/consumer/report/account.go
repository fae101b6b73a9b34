package report

import "sync"

// account tells an outage of the API server from one job's own failure: an outage is one as long as no
// other report was taken since the job's last one failed. Bounded: when full it forgets all failures, and each
// job's next one counts from its own beginning. The zero value is empty.
type account struct {
	mu     sync.Mutex
	taken  int            // reports so far
	failed map[string]int // taken when a job's last report had failed, by its id
}

const failuresKept = 1000

// begin gives how many reports were taken when the job's last one failed; when none has, by now.
func (a *account) begin(id string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	if before, ok := a.failed[id]; ok {
		return before
	}
	return a.taken
}

// took notes a report that was taken.
func (a *account) took(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.taken++
	delete(a.failed, id)
}

// refused notes a report that was not, and tells whether any other was since begin gave before.
func (a *account) refused(id string, before int) (others bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.failed == nil || len(a.failed) >= failuresKept {
		a.failed = make(map[string]int)
	}
	a.failed[id] = a.taken
	return a.taken > before
}
