package aiworker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/control"
)

// successionLimit bounds the wait for the end of a worker's process when its successor says hello.
const successionLimit = 2 * time.Second

// Remote is the lab's side of one AI worker, over all its restarts; it is the control.Handler of
// Role. The zero value works: an empty script.
type Remote struct {
	OnEvent func(Event) // a rule acts; one call at a time, in order. It must not call the Remote. Nil: not told

	mu      sync.Mutex
	base    Script
	rules   []*Armed
	ids     int // given out
	seq     int // of the state
	worker  *peer
	changed chan struct{} // closed and replaced at each change of what await waits for
}

// Armed is a rule in force.
type Armed struct {
	Rule Rule

	remote *Remote
	now    ruleNow
	hit    chan struct{}
}

// peer is the worker's process that is connected now.
type peer struct {
	conn    *control.Conn
	applied int    // number of the state it has in force
	addr    string // that it listens on, once it does
}

// Push replaces the whole script and returns when the worker has it in force; at once when there is
// no worker, for the next one to begin with. Rules of the former script are gone, with their counts.
func (r *Remote) Push(ctx context.Context, s Script) error {
	if err := s.Check(); err != nil {
		return fmt.Errorf("AI worker script: %w", err)
	}
	r.mu.Lock()
	r.base, r.rules = s, nil
	r.base.Rules = nil
	for _, rule := range s.Rules {
		r.arm(rule)
	}
	r.mu.Unlock()
	_, err := r.publish(ctx)
	return err
}

// Add puts one more rule in force, behind those there are, and returns as Push does.
func (r *Remote) Add(ctx context.Context, rule Rule) (*Armed, error) {
	if err := rule.Check(); err != nil {
		return nil, fmt.Errorf("AI worker rule: %w", err)
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
func (a *Armed) Remove(ctx context.Context) error {
	r := a.remote
	r.mu.Lock()
	r.rules = slices.DeleteFunc(slices.Clone(r.rules), func(b *Armed) bool { return a == b })
	r.mu.Unlock()
	_, err := r.publish(ctx)
	return err
}

// Hits tells how often the rule acted, over all restarts.
func (a *Armed) Hits() int {
	a.remote.mu.Lock()
	defer a.remote.mu.Unlock()
	return a.now.Count.Hits
}

// Hit is closed when the rule acts for the first time.
func (a *Armed) Hit() <-chan struct{} { return a.hit }

// AwaitReady waits until a worker listens and returns its host:port. The worker is alive: it has
// answered after the call began, so a process that has just been killed is not taken for its successor.
func (r *Remote) AwaitReady(ctx context.Context) (string, error) {
	for {
		var p *peer
		addr := ""
		err := r.await(ctx, func() bool {
			if p = r.worker; p != nil {
				addr = p.addr
			}
			return addr != ""
		})
		var alive *peer
		if err == nil {
			alive, err = r.publish(ctx)
		}
		if err == nil && alive != p {
			err = r.await(ctx, func() bool { return r.worker != p })
		}
		if err != nil {
			return "", fmt.Errorf("wait for the AI worker to listen: %w", err)
		}
		if alive == p {
			return addr, nil
		}
	}
}

// Serve implements control.Handler.
func (r *Remote) Serve(ctx context.Context, c *control.Conn) error {
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
		if err := r.hear(p, m); err != nil {
			return err
		}
	}
}

// join waits until the former worker's process has ended and all that it said is read, so that the
// counts are right for the next.
func (r *Remote) join(ctx context.Context, p *peer) error {
	ctx, cancel := context.WithTimeout(ctx, successionLimit)
	defer cancel()
	err := r.await(ctx, func() bool {
		if r.worker != nil {
			return false
		}
		r.worker = p
		return true
	})
	if err != nil {
		return fmt.Errorf("another AI worker is still connected: %w", err)
	}
	return nil
}

func (r *Remote) leave(*peer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.worker = nil
	r.wake()
}

// arm appends a rule; the caller holds the lock.
func (r *Remote) arm(rule Rule) *Armed {
	r.ids++
	a := &Armed{Rule: rule, remote: r, now: ruleNow{ID: r.ids, Rule: rule}, hit: make(chan struct{})}
	r.rules = append(slices.Clone(r.rules), a)
	return a
}

// publish sends the state to the worker, if there is one, and waits until it is in force there, which
// gives the worker, or the worker has ended, which gives nil.
func (r *Remote) publish(ctx context.Context) (*peer, error) {
	r.mu.Lock()
	r.seq++
	seq, p := r.seq, r.worker
	r.mu.Unlock()
	if p == nil {
		return nil, nil
	}
	if err := r.send(p); err != nil {
		p.conn.Close() // it is dead, or stuck: the next one begins with this script
		return nil, nil
	}
	applied := false
	err := r.await(ctx, func() bool {
		applied = p.applied >= seq
		return applied || r.worker != p
	})
	if err != nil {
		return nil, fmt.Errorf("wait for the AI worker (pid %d) to take its script: %w", p.conn.Peer().Pid, err)
	}
	if !applied {
		return nil, nil
	}
	return p, nil
}

func (r *Remote) send(p *peer) error {
	r.mu.Lock()
	s := state{Seq: r.seq, Base: r.base}
	for _, a := range r.rules {
		s.Rules = append(s.Rules, a.now)
	}
	r.mu.Unlock()
	return p.conn.Send(msgScript, s)
}

// await returns when ok says so; it is asked under the lock, after each change.
func (r *Remote) await(ctx context.Context, ok func() bool) error {
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
func (r *Remote) wake() {
	if r.changed != nil {
		close(r.changed)
		r.changed = nil
	}
}
