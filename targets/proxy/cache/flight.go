package cache

import (
	"context"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"
)

const (
	stripes  = 4096
	aloneFor = 2 * time.Minute // how long it is remembered that a resource's answers are not for others
)

// flights are the requests that are under way to the backend, and that others may wait for.
type flights struct {
	mu   sync.Mutex
	next map[string]*flight

	seed  maphash.Seed
	once  sync.Once
	alone [stripes]atomic.Int64  // until when (Unix nanoseconds) nobody waits for such a resource
	epoch [stripes]atomic.Uint64 // changes of such a resource
}

// flight is a request that others may wait for. Nobody waits for a nil one.
type flight struct {
	head chan struct{} // closed when it is known that the answer is for all of them
	done chan struct{} // closed when there is nothing more to wait for
	land func()
}

// promises tells those who wait that the answer is for them, when they have it to its end.
func (f *flight) promises() {
	if f != nil {
		close(f.head)
	}
}

// ends lets those who wait go. It may be called again.
func (f *flight) ends() {
	if f != nil {
		f.land()
	}
}

// wait waits for an answer, for so long until its head, and for so long until its end: its client may be a slow one.
func (f *flight) wait(ctx context.Context, head, rest time.Duration) {
	timer := time.NewTimer(head)
	defer timer.Stop()
	select {
	case <-f.head:
		timer.Reset(rest)
	case <-f.done:
		return
	case <-timer.C:
		return
	case <-ctx.Done():
		return
	}
	select {
	case <-f.done:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// stripe is the number that a resource shares with a few others. Two that share it wait or store less than they could.
func (f *flights) stripe(resource string) int {
	f.once.Do(func() { f.seed = maphash.MakeSeed() })
	return int(maphash.String(f.seed, resource) % stripes)
}

// join begins a flight, or gives the one that is under way to wait for. Neither: it is better to go alone.
func (f *flights) join(resource string, now time.Time) (mine, other *flight) {
	if now.UnixNano() < f.alone[f.stripe(resource)].Load() {
		return nil, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if under, ok := f.next[resource]; ok {
		return nil, under
	}
	if f.next == nil {
		f.next = make(map[string]*flight)
	}
	mine = &flight{head: make(chan struct{}), done: make(chan struct{})}
	mine.land = sync.OnceFunc(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.next, resource)
		close(mine.done)
	})
	f.next[resource] = mine
	return mine, nil
}

// leaveAlone remembers that there is no use in waiting.
func (f *flights) leaveAlone(resource string, now time.Time) {
	f.alone[f.stripe(resource)].Store(now.Add(aloneFor).UnixNano())
}
