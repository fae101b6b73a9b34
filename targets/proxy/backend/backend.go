package backend

import (
	"errors"
	"net/http"
	"sync/atomic"
	"time"
)

// ErrCut ends the requests that a backend still works on at the deadline of its draining.
var ErrCut = errors.New("the backend was drained and its deadline has passed")

// Backend is one server. The pool that made it changes its state.
type Backend struct {
	Transport http.RoundTripper // its own connections

	pool     *Pool
	spec     atomic.Pointer[Spec]
	active   atomic.Int64
	last     atomic.Uint64 // round robin's: float64 bits
	warmFrom atomic.Int64  // slow start's: when it came into service, in ns of the Unix time; 0: warm
	leaving  atomic.Bool
	counts   Counts

	changed chan struct{} // its spec is another one
	left    chan struct{} // closed when draining begins
	leases  leases        // what it works on and can be told to give up

	// Under the lock of the pool.
	life     life
	check    Check
	retiring *farewell
	deadline *time.Timer
}

// Counts is what came of the requests that a backend was given.
type Counts struct {
	Answers  [6]atomic.Int64 // by status class; 0: none
	Failures atomic.Int64    // in a row, for passive ejection
}

// Check is what a health check came to.
type Check struct {
	At     time.Time     `json:"at"`
	OK     bool          `json:"ok"`
	What   string        `json:"what"`             // "200", "404, wanted 200 or 301", "no answer in 5s", "connection refused"
	Detail string        `json:"detail,omitempty"` // the begin of the body
	Took   time.Duration `json:"took_ns"`
}

// Spec is what it is at present.
func (b *Backend) Spec() *Spec { return b.spec.Load() }

// Name is its name.
func (b *Backend) Name() string { return b.spec.Load().Name }

// Active tells how many requests it works on.
func (b *Backend) Active() int64 { return b.active.Load() }

// Counts are its counters.
func (b *Backend) Counts() *Counts { return &b.counts }

// Changed tells that the spec is another one; Left is closed when the backend begins to drain.
func (b *Backend) Changed() <-chan struct{} { return b.changed }

// Left is closed when the backend begins to drain.
func (b *Backend) Left() <-chan struct{} { return b.left }

// acquire takes a place, unless there is none.
func (b *Backend) acquire() bool {
	if b.active.Add(1) <= int64(b.spec.Load().MaxActive) && !b.leaving.Load() {
		return true
	}
	b.Release()
	return false
}

// Release gives back the place that Acquire took.
func (b *Backend) Release() {
	if b.active.Add(-1) == 0 && b.leaving.Load() {
		b.pool.emptied(b)
	}
	b.pool.wake()
}

// free tells whether it may be picked.
func (b *Backend) free() bool {
	return b.active.Load() < int64(b.spec.Load().MaxActive)
}

func (b *Backend) closeIdle() {
	if t, ok := b.Transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}
