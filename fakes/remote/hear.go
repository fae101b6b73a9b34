package remote

import (
	"fmt"
	"slices"

	"github.com/comeback-chaos/xk6-comeback/fakes/control"
	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

// hear takes what the fake says.
func (r *Remote[S, R, E]) hear(p *peer, m control.Message, other func(control.Message) error) error {
	switch m.Type {
	case msgApplied:
		var seq int
		return r.change(m, &seq, func() { p.applied = max(p.applied, seq) })
	case msgReady:
		var addr string
		return r.change(m, &addr, func() { p.addr = addr })
	case msgSeen:
		var a acts
		return r.change(m, &a, func() { r.count(a.ID, a.Count) })
	case msgActs:
		return r.acts(p, m)
	}
	return other(m)
}

// change reads the message into v and applies it under the lock.
func (r *Remote[S, R, E]) change(m control.Message, v any, apply func()) error {
	if err := m.Into(v); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	apply()
	r.wake()
	return nil
}

func (r *Remote[S, R, E]) acts(p *peer, m control.Message) error {
	var a acts
	rule := 0
	if err := r.change(m, &a, func() { rule = r.count(a.ID, a.Count) }); err != nil {
		return err
	}
	var e E
	if err := script.Decode(a.Event, &e); err != nil {
		return fmt.Errorf("read what a rule of the %s does: %w", r.name(), err)
	}
	if r.OnEvent != nil {
		r.OnEvent(e.From(p.conn.Peer().Pid, rule))
	}
	return nil
}

// count notes how far a rule has come and gives its index, -1 when it has been taken out. The caller
// holds the lock.
func (r *Remote[S, R, E]) count(id int, c script.Count) int {
	i := slices.IndexFunc(r.rules, func(a *Armed[S, R, E]) bool { return a.now.ID == id })
	if i < 0 {
		return -1
	}
	a := r.rules[i]
	first := a.now.Count.Hits == 0 && c.Hits > 0
	a.now.Count.Seen = max(a.now.Count.Seen, c.Seen)
	a.now.Count.Hits = max(a.now.Count.Hits, c.Hits)
	if first {
		close(a.hit)
	}
	return i
}
