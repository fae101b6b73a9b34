package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/comeback-chaos/xk6-comeback/fakes/control"
	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

// Process is the fake's side: the script that the lab wants in force, in the fake's own process.
type Process[S Script[S, R], R Rule, E Event[E]] struct {
	Rules script.List[R]

	conn *control.Conn
	log  *slog.Logger

	mu  sync.Mutex
	seq int
	ids map[int]*script.Armed[R]
}

// Fake is what a process does.
type Fake[S any] interface {
	Apply(settings S)                // takes the settings, once before Serve and at each change
	Serve(ctx context.Context) error // boots and serves until ctx is done
}

// Run is a fake's process: it joins the lab and serves as soon as the script is in force, with a
// context that ends with ctx, or when the lab is gone (control.ErrLabGone). It returns nil when ctx is done.
func Run[S Script[S, R], R Rule, E Event[E]](ctx context.Context, socket string, hello control.Hello, log *slog.Logger, build func(context.Context, *Process[S, R, E]) Fake[S]) error {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// The connection outlives ctx: the last that the fake has to say is heard.
	conn, err := control.Dial(context.WithoutCancel(ctx), socket, hello)
	if err != nil {
		return err
	}
	defer conn.Close()
	p := &Process[S, R, E]{conn: conn, log: log}
	// The lab is told of matches before a rule's turn, so that a restart does not start the count anew.
	p.Rules.Early = func(a *script.Armed[R]) { p.tell(msgSeen, a, nil) }
	fake := build(ctx, p)
	scripted := make(chan struct{})
	go func() { cancel(p.follow(fake, scripted)) }()
	select {
	case <-scripted:
		err = fake.Serve(ctx)
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// follow keeps the script up to date until the lab is gone. It closes scripted once there is one.
func (p *Process[S, R, E]) follow(fake Fake[S], scripted chan<- struct{}) error {
	for n := 0; ; n++ {
		m, err := p.conn.Receive()
		if err != nil {
			return fmt.Errorf("%w: %w", control.ErrLabGone, err)
		}
		if m.Type != msgScript {
			return fmt.Errorf("the lab said %q: %s", m.Type, m.Body)
		}
		var s state[S, R]
		if err := m.Into(&s); err != nil {
			return err
		}
		p.take(fake, s)
		if n == 0 {
			close(scripted)
		}
		if err := p.conn.Send(msgApplied, s.Seq); err != nil {
			return fmt.Errorf("%w: %w", control.ErrLabGone, err)
		}
	}
}

// take puts the lab's state in force. Rules that stay keep this process's counts, which are newer than
// the lab's.
func (p *Process[S, R, E]) take(fake Fake[S], s state[S, R]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.Seq < p.seq {
		return
	}
	p.seq = s.Seq
	fake.Apply(s.Base)
	former := p.ids
	p.ids = make(map[int]*script.Armed[R], len(s.Rules))
	for _, now := range s.Rules {
		a := former[now.ID]
		if a == nil { // always behind those that stay: numbers only grow
			a = p.Rules.Resume(now.Rule, now.Rule.Turns(), now.Count)
		}
		p.ids[now.ID] = a
		delete(former, now.ID)
	}
	for _, a := range former {
		a.Remove()
	}
}

// Ready tells the lab the address that the fake listens on.
func (p *Process[S, R, E]) Ready(addr string) error {
	if err := p.conn.Send(msgReady, addr); err != nil {
		return fmt.Errorf("%w: %w", control.ErrLabGone, err)
	}
	return nil
}

// Acts tells the lab that a rule acts. It is written before it returns, and so outlives the process.
func (p *Process[S, R, E]) Acts(a *script.Armed[R], e E) { p.tell(msgActs, a, e) }

// Tell sends a message of the fake's own.
func (p *Process[S, R, E]) Tell(kind string, body any) {
	if err := p.conn.Send(kind, body); err != nil {
		p.log.Debug("the lab was not told", "error", err) // it is gone: the process is about to end
	}
}

func (p *Process[S, R, E]) tell(kind string, armed *script.Armed[R], event any) {
	data, err := json.Marshal(event)
	if err != nil {
		panic(err) // an event is plain data
	}
	p.Tell(kind, acts{ID: p.number(armed), Count: armed.Count(), Event: data})
}

// number is the lab's for a rule; 0, which it never gives, when the rule has been taken out.
func (p *Process[S, R, E]) number(armed *script.Armed[R]) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, a := range p.ids {
		if a == armed {
			return id
		}
	}
	return 0
}
