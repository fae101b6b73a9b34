package backend

import "time"

// Status is what a backend is at one moment, for people and metrics.
type Status struct {
	Name      string    `json:"name"`
	URL       string    `json:"url"`
	Version   string    `json:"version,omitempty"`
	State     State     `json:"state"`
	Since     time.Time `json:"since"`
	Reason    string    `json:"reason"`
	Active    int64     `json:"active"`
	MaxActive int       `json:"max_active"`
	Weight    int       `json:"weight"`
	Check     *Check    `json:"check"`         // the last one; null before the first
	OKs       int       `json:"checks_ok"`     // in a row
	Fails     int       `json:"checks_failed"` // in a row
	Answers   [6]int64  `json:"-"`             // by status class; 0: none
}

// List tells of each backend, those that drain included.
func (p *Pool) List() []Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := make([]Status, 0, len(p.all))
	for _, b := range p.all {
		spec := b.Spec()
		s := Status{Name: spec.Name, URL: spec.URL.String(), Version: spec.Version,
			State: b.life.state, Since: b.life.since, Reason: b.life.reason,
			Active: b.Active(), MaxActive: spec.MaxActive, Weight: spec.Weight,
			OKs: b.life.oks, Fails: b.life.fails}
		if !b.check.At.IsZero() {
			check := b.check
			s.Check = &check
		}
		for i := range s.Answers {
			s.Answers[i] = b.counts.Answers[i].Load()
		}
		list = append(list, s)
	}
	return list
}

// Find gives what the backend of that name is, as it would be changed by Put.
func (p *Pool) Find(name string) *Spec {
	p.mu.Lock()
	defer p.mu.Unlock()
	if b := p.named(name); b != nil {
		return b.Spec()
	}
	return nil
}
