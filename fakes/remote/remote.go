package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/control"
)

// successionLimit bounds the wait for the end of a fake's process when its successor says hello.
const successionLimit = 2 * time.Second

// Remote is the lab's side of one fake, over all its restarts; it is a control.Handler. The zero value
// works: an empty script.
type Remote[S Script[S, R], R Rule, E Event[E]] struct {
	OnEvent func(E) // a rule acts; one call at a time, in order. It must not call the Remote. Nil: not told

	mu      sync.Mutex
	base    S
	rules   []*Armed[S, R, E]
	ids     int // given out
	seq     int // of the state
	fake    *peer
	changed chan struct{} // closed and replaced at each change of what await waits for
}

// Armed is a rule in force.
type Armed[S Script[S, R], R Rule, E Event[E]] struct {
	Rule R

	remote *Remote[S, R, E]
	now    ruleNow[R]
	hit    chan struct{}
}

// peer is the fake's process that is connected now.
type peer struct {
	conn    *control.Conn
	applied int    // number of the state it has in force
	addr    string // that it listens on, once it does
}

// Push replaces the whole script and returns when the fake has it in force; at once when there is
// no fake, for the next one to begin with. Rules of the former script are gone, with their counts.
func (r *Remote[S, R, E]) Push(ctx context.Context, s S) error {
	if err := s.Check(); err != nil {
		return fmt.Errorf("%s script: %w", r.name(), err)
	}
	r.mu.Lock()
	base, rules := s.Split()
	r.base, r.rules = base, nil
	for _, rule := range rules {
		r.arm(rule)
	}
	r.mu.Unlock()
	_, err := r.publish(ctx)
	return err
}

// name is the fake's, for people; it does not depend on the script.
func (r *Remote[S, R, E]) name() string {
	var s S
	return s.Fake()
}

// Add puts one more rule in force, behind those there are, and returns as Push does.
func (r *Remote[S, R, E]) Add(ctx context.Context, rule R) (*Armed[S, R, E], error) {
	if err := rule.Check(); err != nil {
		return nil, fmt.Errorf("%s rule: %w", r.name(), err)
	}
	r.mu.Lock()
	a := r.arm(rule)
	r.mu.Unlock()
	if _, err := r.publish(ctx); err != nil {
		return nil, errors.Join(err, a.Remove(ctx))
	}
	return a, nil
}

// Remove takes the rule out and returns as Push does. What hangs because of it goes on.
func (a *Armed[S, R, E]) Remove(ctx context.Context) error {
	r := a.remote
	r.mu.Lock()
	r.rules = slices.DeleteFunc(slices.Clone(r.rules), func(b *Armed[S, R, E]) bool { return a == b })
	r.mu.Unlock()
	_, err := r.publish(ctx)
	return err
}

// Hits tells how often the rule acted, over all restarts.
func (a *Armed[S, R, E]) Hits() int {
	a.remote.mu.Lock()
	defer a.remote.mu.Unlock()
	return a.now.Count.Hits
}

// Hit is closed when the rule acts for the first time.
func (a *Armed[S, R, E]) Hit() <-chan struct{} { return a.hit }

// AwaitReady waits until a fake listens and returns its host:port. The fake is alive: it has
// answered after the call began, so a process that has just been killed is not taken for its successor.
func (r *Remote[S, R, E]) AwaitReady(ctx context.Context) (string, error) {
	for {
		var p *peer
		addr := ""
		err := r.await(ctx, func() bool {
			if p = r.fake; p != nil {
				addr = p.addr
			}
			return addr != ""
		})
		var alive *peer
		if err == nil {
			alive, err = r.publish(ctx)
		}
		if err == nil && alive != p {
			err = r.await(ctx, func() bool { return r.fake != p })
		}
		if err != nil {
			return "", fmt.Errorf("wait for the %s to listen: %w", r.name(), err)
		}
		if alive == p {
			return addr, nil
		}
	}
}

// Serve implements control.Handler.
func (r *Remote[S, R, E]) Serve(ctx context.Context, c *control.Conn) error {
	return r.ServeWith(ctx, c, func(m control.Message) error {
		return fmt.Errorf("%s said %q, which the lab does not know", r.name(), m.Type)
	})
}

// ServeWith is Serve for a fake with messages of its own, which other takes.
func (r *Remote[S, R, E]) ServeWith(ctx context.Context, c *control.Conn, other func(control.Message) error) error {
	p := &peer{conn: c}
	if err := r.join(ctx, p); err != nil {
		return err
	}
	defer r.leave(p)
	if err := r.send(p); err != nil {
		return err
	}
	for {
		m, err := c.Receive()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := r.hear(p, m, other); err != nil {
			return err
		}
	}
}

// join waits until the former process has ended and all that it said is read, so that the
// counts are right for the next.
func (r *Remote[S, R, E]) join(ctx context.Context, p *peer) error {
	ctx, cancel := context.WithTimeout(ctx, successionLimit)
	defer cancel()
	err := r.await(ctx, func() bool {
		if r.fake != nil {
			return false
		}
		r.fake = p
		return true
	})
	if err != nil {
		return fmt.Errorf("another %s is still connected: %w", r.name(), err)
	}
	return nil
}

func (r *Remote[S, R, E]) leave(*peer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fake = nil
	r.wake()
}

// arm appends a rule; the caller holds the lock.
func (r *Remote[S, R, E]) arm(rule R) *Armed[S, R, E] {
	r.ids++
	a := &Armed[S, R, E]{Rule: rule, remote: r, now: ruleNow[R]{ID: r.ids, Rule: rule}, hit: make(chan struct{})}
	r.rules = append(slices.Clone(r.rules), a)
	return a
}

// publish sends the state to the fake, if there is one, and waits until it is in force there, which
// gives it, or the fake has ended, which gives nil.
func (r *Remote[S, R, E]) publish(ctx context.Context) (*peer, error) {
	r.mu.Lock()
	r.seq++
	seq, p := r.seq, r.fake
	r.mu.Unlock()
	if p == nil {
		return nil, nil
	}
	if err := r.send(p); err != nil {
		// Dead or stuck: the next one begins with this script. What a dead one said is still being read.
		if !errors.Is(err, syscall.EPIPE) {
			p.conn.Close()
		}
		return nil, nil
	}
	applied := false
	err := r.await(ctx, func() bool {
		applied = p.applied >= seq
		return applied || r.fake != p
	})
	if err != nil {
		return nil, fmt.Errorf("wait for the %s (pid %d) to take its script: %w", r.name(), p.conn.Peer().Pid, err)
	}
	if !applied {
		return nil, nil
	}
	return p, nil
}

func (r *Remote[S, R, E]) send(p *peer) error {
	r.mu.Lock()
	s := state[S, R]{Seq: r.seq, Base: r.base}
	for _, a := range r.rules {
		s.Rules = append(s.Rules, a.now)
	}
	r.mu.Unlock()
	return p.conn.Send(msgScript, s)
}

// await returns when ok says so; it is asked under the lock, after each change.
func (r *Remote[S, R, E]) await(ctx context.Context, ok func() bool) error {
	for {
		r.mu.Lock()
		done := ok()
		if r.changed == nil {
			r.changed = make(chan struct{})
		}
		changed := r.changed
		r.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// wake lets await look again; the caller holds the lock.
func (r *Remote[S, R, E]) wake() {
	if r.changed != nil {
		close(r.changed)
		r.changed = nil
	}
}
