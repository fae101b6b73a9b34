package upstream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/port"
	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

// Config sets a Server up; the zero value works.
type Config struct {
	Name     string       // empty: "upstream"
	Addr     string       // loopback; empty: 127.0.0.1 and a free port
	Script   Script       // to begin with
	OnRecord func(Record) // told of each request, twice; by many goroutines. Nil: not told
	OnEvent  func(Event)  // told of each rule that acts; by many goroutines. Nil: not told
	Log      *slog.Logger // nil: discarded
}

// Server is a running upstream.
type Server struct {
	ctx    context.Context // the upstream's own life
	cancel context.CancelCauseFunc
	config Config
	acts   func(*script.Armed[Rule], Event)
	die    func(code int)
	client *http.Client // of the account service
	rules  *script.List[Rule]
	now    atomic.Pointer[settings]
	n      atomic.Int64

	spiral, stuck atomic.Pointer[illness]

	port  *port.Port
	began time.Time // of service
	wait  func() error
}

// settings is the script in force, and what there is of each thing that it limits.
type settings struct {
	Script
	threads, pool chan struct{} // one token each in use
}

// Listen boots an upstream in this process, as its script says, and returns when it listens. It ends
// with ctx or Close, or when a rule kills it.
func Listen(ctx context.Context, c Config) (*Server, error) {
	if err := c.Script.Check(); err != nil {
		return nil, fmt.Errorf("upstream script: %w", err)
	}
	base, rules := c.Script.Split()
	s := newServer(ctx, c, new(script.List[Rule]))
	s.Apply(base)
	for _, r := range rules {
		s.rules.Add(r, r.Turn)
	}
	s.acts = func(_ *script.Armed[Rule], e Event) {
		if s.config.OnEvent != nil {
			s.config.OnEvent(e)
		}
	}
	s.die = func(code int) { s.cancel(fmt.Errorf("%w with code %d", ErrDied, code)) }
	err := s.boot()
	if err == nil {
		err = s.open()
	}
	if err != nil {
		s.cancel(err)
		return nil, fmt.Errorf("upstream: %w", err)
	}
	return s, nil
}

func newServer(ctx context.Context, c Config, rules *script.List[Rule]) *Server {
	c.Name = cmp.Or(c.Name, Role)
	c.Addr = cmp.Or(c.Addr, "127.0.0.1:0")
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{config: c, rules: rules}
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	s.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1000, IdleConnTimeout: time.Minute}}
	return s
}

// open listens.
func (s *Server) open() error {
	p, err := port.Listen(s.config.Addr, nil)
	if err != nil {
		return fmt.Errorf("%w (is a former process still running?)", err)
	}
	now := s.now.Load()
	if err := p.Limit(now.Connections, now.Backlog); err != nil {
		return errors.Join(err, p.Close())
	}
	s.port, s.began = p, time.Now()
	served := port.Serve(s.ctx, p, s, s.config.Log)
	s.wait = func() error {
		err := served()
		s.client.CloseIdleConnections()
		return err
	}
	return nil
}

// URL is http://host:port.
func (s *Server) URL() string { return "http://" + s.port.Addr().String() }

// Done is closed when the upstream ends; a rule may have killed it.
func (s *Server) Done() <-chan struct{} { return s.ctx.Done() }

// Close ends the upstream and every request in it, and returns when nothing more will be told; the
// hooks must not call it.
func (s *Server) Close() error {
	s.cancel(nil)
	return s.wait()
}

// Set puts the settings of a script in force, but not its rules. Requests under way keep what they have.
func (s *Server) Set(base Script) error {
	if err := base.Check(); err != nil {
		return fmt.Errorf("upstream script: %w", err)
	}
	s.Apply(base)
	return nil
}

// Add puts a rule in force behind those there are, for the next request on.
func (s *Server) Add(r Rule) (*script.Armed[Rule], error) {
	if err := r.Check(); err != nil {
		return nil, fmt.Errorf("upstream rule: %w", err)
	}
	return s.rules.Add(r, r.Turn), nil
}

// Apply implements remote.Fake.
func (s *Server) Apply(base Script) {
	next := &settings{Script: base.filled()}
	next.threads = make(chan struct{}, next.Threads)
	next.pool = make(chan struct{}, next.Pool.Size)
	if old := s.now.Load(); old != nil {
		if old.Threads == next.Threads {
			next.threads = old.threads
		}
		if old.Pool.Size == next.Pool.Size {
			next.pool = old.pool
		}
	}
	s.now.Store(next)
}

// age is how long the upstream has served.
func (s *Server) age() time.Duration { return time.Since(s.began) }
