package backend

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Errors of Remove.
var (
	ErrUnknown = errors.New("no backend of that name")
	ErrLast    = errors.New("it is the last healthy backend")
)

// Outcome tells what Apply and Put did.
type Outcome struct {
	Added   []string `json:"added"`
	Changed []string `json:"changed"`
	Gone    []string `json:"gone"` // these drain, each once its successor serves, if it has one
}

// Apply makes the pool what specs say. Who stays, at the same URL, keeps its state; who is new starts. Who is missing
// drains: with as many new ones, each when one of them is healthy; the last one in service only when another one is.
func (p *Pool) Apply(specs []Spec) Outcome {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := Outcome{Added: []string{}, Changed: []string{}, Gone: []string{}}
	wanted := map[string]bool{}
	for _, s := range specs {
		wanted[s.Name] = true
		p.put(s, &out)
	}
	heirs := slices.DeleteFunc(slices.Clone(out.Added), func(name string) bool { return p.waiting(name) != nil })
	for _, b := range slices.Clone(p.all) { // the oldest first, so that who waits has another heir before its own one goes
		name := b.Name()
		if b.retiring != nil {
			name = b.retiring.heir
		}
		if b.life.leaving() || wanted[name] {
			continue
		}
		if b.retiring == nil {
			out.Gone = append(out.Gone, name)
		}
		heir := ""
		if b.life.state == Healthy && len(heirs) > 0 {
			heir, heirs = heirs[0], heirs[1:]
		}
		p.retire(b, farewell{heir, "no longer in the file", p.Drain})
	}
	return out
}

// Put adds a backend, or changes the one of that name.
func (p *Pool) Put(s Spec) Outcome {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := Outcome{Added: []string{}, Changed: []string{}, Gone: []string{}}
	p.put(s, &out)
	return out
}

func (p *Pool) put(s Spec, out *Outcome) {
	b := p.named(s.Name)
	if b == nil {
		out.Added = append(out.Added, s.Name)
		if old := p.waiting(s.Name); old != nil {
			old.retiring.heir = s.Name
		}
		p.add(s)
		return
	}
	now := b.Spec()
	switch {
	case *now.URL != *s.URL || now.H2C != s.H2C:
		out.Changed = append(out.Changed, s.Name)
		b.retiring = &farewell{s.Name, "replaced: its URL is now " + s.URL.String(), p.Drain}
		p.add(s)
		p.retire(b, *b.retiring)
	case !now.same(s):
		out.Changed = append(out.Changed, s.Name)
		s.URL = now.URL
		b.spec.Store(&s)
		p.refresh()
		select {
		case b.changed <- struct{}{}:
		default: // told already
		}
	}
}

// same tells whether nothing but perhaps the URL differs.
func (s *Spec) same(o Spec) bool {
	return s.Version == o.Version && s.Weight == o.Weight && s.MaxActive == o.MaxActive &&
		s.Health.Codes.String() == o.Health.Codes.String() && s.Health.Path == o.Health.Path && s.Health.Host == o.Health.Host &&
		s.Health.Interval == o.Health.Interval && s.Health.Timeout == o.Health.Timeout && s.Health.Grace == o.Health.Grace &&
		s.Health.Healthy == o.Health.Healthy && s.Health.Unhealthy == o.Health.Unhealthy
}

// Remove drains a backend and then forgets it. ErrLast, unless forced, when no other one is healthy.
func (p *Pool) Remove(name, reason string, deadline time.Duration, force bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := cmp.Or(p.named(name), p.waiting(name))
	if b == nil {
		return fmt.Errorf("%w: %q", ErrUnknown, name)
	}
	if !force && p.last(b) {
		return ErrLast
	}
	p.drain(b, reason, deadline)
	return nil
}

// last tells whether b is in service and nobody else is.
func (p *Pool) last(b *Backend) bool {
	return b.life.state == Healthy && len(p.InService()) == 1
}

// held tells for what b still serves that is to go: for its heir, or because nobody else is in service.
func (p *Pool) held(b *Backend) string {
	if b.life.state != Healthy {
		return ""
	}
	if heir := p.named(b.retiring.heir); heir != nil && heir.life.state != Healthy {
		return fmt.Sprintf("serves until %s at %s does: ", heir.Name(), heir.Spec().URL)
	}
	if p.last(b) {
		return "the last one in service; drains when another one is: "
	}
	return ""
}

// retire drains b as soon as nothing holds it.
func (p *Pool) retire(b *Backend, f farewell) {
	b.retiring = &f
	if held := p.held(b); held != "" {
		b.life.reason = held + f.reason
		return
	}
	p.drain(b, f.reason, f.deadline)
}

// farewells drains those that waited for somebody to come into service.
func (p *Pool) farewells() {
	for _, b := range p.all {
		if f := b.retiring; f != nil && !b.life.leaving() && p.held(b) == "" {
			p.drain(b, f.reason, f.deadline)
			return // that was a change, which has looked after the others
		}
	}
}

// drain ends b's service. The lock is held.
func (p *Pool) drain(b *Backend, reason string, deadline time.Duration) {
	from := b.life.state
	if !b.life.drain(time.Now(), reason) {
		return
	}
	b.leaving.Store(true)
	close(b.left)
	b.deadline = time.AfterFunc(deadline, func() { p.overdue(b, deadline) })
	p.entered(b, from)
	if b.active.Load() == 0 {
		p.gone(b, "nothing left to do")
	}
}

// emptied is called when a backend that drains has nothing left.
func (p *Pool) emptied(b *Backend) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if b.active.Load() == 0 {
		p.gone(b, "nothing left to do")
	}
}

func (p *Pool) overdue(b *Backend, deadline time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gone(b, fmt.Sprintf("its deadline of %v passed: requests cut: %d", deadline, b.active.Load()))
}

func (p *Pool) gone(b *Backend, reason string) {
	if !b.life.gone(time.Now(), reason) {
		return
	}
	b.deadline.Stop()
	b.cutAll()
	b.closeIdle()
	p.remove(b)
	p.entered(b, Draining)
}

// Close closes the connections that nobody uses.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range p.all {
		b.closeIdle()
	}
}
