package script

import (
	"slices"
	"sync"
	"sync/atomic"
)

// List is the rules armed in a fake. The zero value is empty and ready for use by many goroutines.
type List[R any] struct {
	Early func(*Armed[R]) // told of each match that comes before a rule's first turn; set before use. Nil: not told

	mu    sync.Mutex
	armed atomic.Pointer[[]*Armed[R]] // replaced as a whole, so that an empty list costs no lock
}

// Armed is a rule in a List.
type Armed[R any] struct {
	Rule R

	turn Turn
	list *List[R]
	mu   sync.Mutex
	n    Count
	hit  chan struct{}
	gone chan struct{}
}

// Add arms a rule behind the others, for the next match on.
func (l *List[R]) Add(rule R, turn Turn) *Armed[R] { return l.Resume(rule, turn, Count{}) }

// Resume is Add for a rule that has come so far elsewhere.
func (l *List[R]) Resume(rule R, turn Turn, n Count) *Armed[R] {
	a := &Armed[R]{Rule: rule, turn: turn, list: l, n: n, hit: make(chan struct{}), gone: make(chan struct{})}
	if n.Hits > 0 {
		close(a.hit)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	next := append(slices.Clone(l.all()), a)
	l.armed.Store(&next)
	return a
}

// Pick returns the first rule that matches and whose turn it is, nil when there is none. Rules before
// it that match have counted the match; rules behind it have not seen it.
func (l *List[R]) Pick(match func(*R) bool) *Armed[R] {
	for _, a := range l.all() {
		if !match(&a.Rule) {
			continue
		}
		acts, n := a.next()
		if acts {
			return a
		}
		if n.Hits == 0 && l.Early != nil {
			l.Early(a)
		}
	}
	return nil
}

// Clear takes every rule out.
func (l *List[R]) Clear() {
	for _, a := range l.all() {
		a.Remove()
	}
}

func (l *List[R]) all() []*Armed[R] {
	if p := l.armed.Load(); p != nil {
		return *p
	}
	return nil
}

// Hits tells how often the rule acted.
func (a *Armed[R]) Hits() int { return a.Count().Hits }

// Count tells how far the rule has come.
func (a *Armed[R]) Count() Count {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.n
}

// Hit is closed when the rule acts for the first time.
func (a *Armed[R]) Hit() <-chan struct{} { return a.hit }

// Gone is closed when the rule was taken out: what hangs because of it goes on.
func (a *Armed[R]) Gone() <-chan struct{} { return a.gone }

// Remove takes the rule out. Doing it again does nothing.
func (a *Armed[R]) Remove() {
	a.list.mu.Lock()
	defer a.list.mu.Unlock()
	next := slices.DeleteFunc(slices.Clone(a.list.all()), func(b *Armed[R]) bool { return a == b })
	if len(next) == len(a.list.all()) {
		return
	}
	a.list.armed.Store(&next)
	close(a.gone)
}

// Touch counts one act of a rule that is not picked by a match.
func (a *Armed[R]) Touch() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.n.Hits++
	a.told()
}

func (a *Armed[R]) next() (acts bool, n Count) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if acts = a.turn.Next(&a.n); acts {
		a.told()
	}
	return acts, a.n
}

func (a *Armed[R]) told() {
	if a.n.Hits == 1 {
		close(a.hit)
	}
}
