package backend

import (
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Pool holds the backends. Its exported fields are set before the first backend is added; the zero value
// of each but Picker will do.
type Pool struct {
	Picker    Picker
	Queue     Queue                         // where requests wait when every backend is at its limit
	Transport func(*Spec) http.RoundTripper // makes a backend's connections
	Added     func(*Backend)                // is told of each new one: starts its health checks
	Observe   func(Change)                  // is told each change in order; must not call back
	Drain     time.Duration                 // deadline of draining where none is given

	mu       sync.Mutex
	all      []*Backend
	service  atomic.Pointer[[]*Backend] // the healthy ones; never written to
	capacity atomic.Int64               // the sum of what they may work on
}

// farewell is a draining that waits until another backend is in service.
type farewell struct {
	heir     string // who takes its place; "": anybody
	reason   string
	deadline time.Duration
}

// InService are the backends that get requests. The slice must not be changed.
func (p *Pool) InService() []*Backend {
	if in := p.service.Load(); in != nil {
		return *in
	}
	return nil
}

// Capacity is how many requests the backends in service may work on together.
func (p *Pool) Capacity() int64 { return p.capacity.Load() }

// Checked takes the result of a health check.
func (p *Pool) Checked(b *Backend, c Check) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b.check = c
	from := b.life.state
	if b.life.checked(c, b.Spec().Health) {
		p.entered(b, from)
	}
}

// Eject takes a backend out of service for its failed answers, for first or, when that happens again and
// again, longer, up to limit. It tells why not: nothing is ejected when that would leave nobody, or more
// than share of all backends ejected.
func (p *Pool) Eject(b *Backend, reason string, first, limit time.Duration, share float64) (refused string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if b.life.state != Healthy {
		return "" // it is out already
	}
	b.counts.Failures.Store(0) // refused or not, they count anew
	if len(p.InService()) < 2 {
		return "it is the last one in service"
	}
	ejected, all := 1, 0
	for _, o := range p.all {
		switch o.life.state {
		case Draining, Drained:
			continue
		case Ejected:
			ejected++
		}
		all++
	}
	if float64(ejected) > share*float64(all) {
		return "too many are ejected"
	}
	if b.life.eject(time.Now(), reason, first, limit) {
		p.entered(b, Healthy)
	}
	return ""
}

// entered follows from a change of b's state. The lock is held.
func (p *Pool) entered(b *Backend, from State) {
	spec := b.Spec()
	if b.life.state == Healthy {
		b.counts.Failures.Store(0)
		b.warmFrom.Store(b.life.since.UnixNano())
	}
	p.refresh()
	if p.Observe != nil {
		p.Observe(Change{At: b.life.since, Backend: spec.Name, URL: spec.URL.String(), Version: spec.Version,
			From: from, To: b.life.state, Reason: b.life.reason})
	}
	p.farewells()
	p.wakeAll()
}

// refresh makes the list of those in service anew.
func (p *Pool) refresh() {
	var in []*Backend
	var capacity int64
	for _, b := range p.all {
		if b.life.state == Healthy {
			in = append(in, b)
			capacity += int64(b.Spec().MaxActive)
		}
	}
	p.service.Store(&in)
	p.capacity.Store(capacity)
}

// add makes a new backend. The lock is held.
func (p *Pool) add(s Spec) {
	b := &Backend{pool: p, changed: make(chan struct{}, 1), left: make(chan struct{})}
	b.spec.Store(&s)
	b.life.enter(time.Now(), Starting, "new")
	if p.Transport != nil {
		b.Transport = p.Transport(&s)
	}
	p.all = append(p.all, b)
	p.entered(b, "")
	if p.Added != nil {
		p.Added(b)
	}
}

// named gives the backend of that name that is not about to go.
func (p *Pool) named(name string) *Backend {
	for _, b := range p.all {
		if b.Name() == name && !b.life.leaving() && b.retiring == nil {
			return b
		}
	}
	return nil
}

// waiting gives the backend of that name that goes once another one is in service.
func (p *Pool) waiting(name string) *Backend {
	for _, b := range p.all {
		if b.Name() == name && !b.life.leaving() && b.retiring != nil {
			return b
		}
	}
	return nil
}

func (p *Pool) remove(b *Backend) {
	p.all = slices.DeleteFunc(p.all, func(o *Backend) bool { return o == b })
}
