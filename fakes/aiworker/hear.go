package aiworker

import (
	"fmt"
	"slices"

	"github.com/comeback-chaos/xk6-comeback/fakes/control"
	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

// hear takes what the worker says.
func (r *Remote) hear(p *peer, m control.Message) error {
	switch m.Type {
	case msgApplied:
		return change(r, m, func(seq int) { p.applied = max(p.applied, seq) })
	case msgReady:
		return change(r, m, func(addr string) { p.addr = addr })
	case msgSeen:
		return change(r, m, func(s seen) { r.count(s.ID, script.Count{Seen: s.Seen}) })
	case msgActs:
		var a acts
		if err := m.Into(&a); err != nil {
			return err
		}
		e := a.Event
		e.Pid = p.conn.Peer().Pid
		r.mu.Lock()
		e.Rule = r.count(a.ID, script.Count{Seen: a.Seen, Hits: a.Hits})
		r.mu.Unlock()
		if r.OnEvent != nil {
			r.OnEvent(e)
		}
		return nil
	}
	return fmt.Errorf("AI worker said %q, which the lab does not know", m.Type)
}

// change reads the message and applies it under the lock.
func change[T any](r *Remote, m control.Message, apply func(T)) error {
	var v T
	if err := m.Into(&v); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	apply(v)
	r.wake()
	return nil
}

// count notes how far a rule has come and gives its index, -1 when it has been taken out. The caller
// holds the lock.
func (r *Remote) count(id int, c script.Count) int {
	i := slices.IndexFunc(r.rules, func(a *Armed) bool { return a.now.ID == id })
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
