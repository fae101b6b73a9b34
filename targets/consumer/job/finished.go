package job

import (
	"context"
	"sync"
)

// Ledger remembers which jobs are running and which were finished lately, so that a message that
// comes again is not worked on again. It is bounded: the idempotency key at the API server guards
// what it has forgotten. The zero value is not ready; use NewLedger. Safe for many goroutines.
type Ledger struct {
	// Keep is told each job that was finished, so that it can be known after a restart. Nil: nobody is.
	Keep func(id string)

	mu       sync.Mutex
	running  map[string]chan struct{}
	finished map[string]struct{}
	order    []string // ring of finished ids, oldest at next
	next     int
}

// NewLedger makes a ledger that remembers size finished jobs; 0: none.
func NewLedger(size int) *Ledger {
	return &Ledger{
		running:  make(map[string]chan struct{}),
		finished: make(map[string]struct{}),
		order:    make([]string, max(size, 0)),
	}
}

// Begin claims a job. It is false when the job is finished already. While another goroutine works on
// it, Begin waits for the outcome. After true, End must be called.
func (l *Ledger) Begin(ctx context.Context, id string) (bool, error) {
	for {
		l.mu.Lock()
		if _, ok := l.finished[id]; ok {
			l.mu.Unlock()
			return false, nil
		}
		other, ok := l.running[id]
		if !ok {
			l.running[id] = make(chan struct{})
			l.mu.Unlock()
			return true, nil
		}
		l.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

// Know notes jobs that were finished before, the oldest first.
func (l *Ledger) Know(ids []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range ids {
		l.note(id)
	}
}

// End says how a claimed job went.
func (l *Ledger) End(id string, done bool) {
	if done && l.Keep != nil {
		l.Keep(id)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.running[id])
	delete(l.running, id)
	if done {
		l.note(id)
	}
}

// note remembers a finished job in the place of the oldest. The lock must be held.
func (l *Ledger) note(id string) {
	if len(l.order) == 0 {
		return
	}
	delete(l.finished, l.order[l.next])
	l.finished[id] = struct{}{}
	l.order[l.next] = id
	l.next = (l.next + 1) % len(l.order)
}
