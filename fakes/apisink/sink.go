package apisink

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/comeback-chaos/xk6-comeback/fakes/port"
	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

// Config sets a Sink up; the zero value works.
type Config struct {
	Addr     string       // loopback; empty: 127.0.0.1 and a free port
	OnEffect func(Effect) // told once per request for a job, before its answer is sent; by many goroutines. Nil: not told
	Log      *slog.Logger // nil: discarded
}

// Sink is a running API server.
type Sink struct {
	ctx    context.Context // the sink's own life
	cancel context.CancelFunc
	config Config
	port   *port.Port
	ledger *ledger
	rules  script.List[Rule] // asked for every request
	gates  script.List[Rule] // asked for every connection
	wait   func() error

	buffers sync.Pool
}

// Armed is a rule in force.
type Armed struct {
	*script.Armed[Rule]
	sink *Sink
}

// Listen starts a sink; it ends with ctx or Close.
func Listen(ctx context.Context, c Config) (*Sink, error) {
	if c.Addr == "" {
		c.Addr = "127.0.0.1:0"
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	s := &Sink{config: c, ledger: newLedger()}
	p, err := port.Listen(c.Addr, s.admit)
	if err != nil {
		return nil, fmt.Errorf("API sink: %w", err)
	}
	s.port = p
	s.ctx, s.cancel = context.WithCancel(ctx)
	s.wait = port.Serve(s.ctx, p, s, c.Log)
	return s, nil
}

// URL is what a target is told: http://host:port, the same across Down.
func (s *Sink) URL() string { return "http://" + s.port.Addr().String() }

// Close ends the sink and every request in it, and returns when nothing more will be told; the hook
// must not call it. The ledger can still be read.
func (s *Sink) Close() error {
	s.cancel()
	return s.wait()
}

// Add puts a rule in force behind those there are, for the next request on. Of the rules that match
// a request, the first whose turn it is acts.
func (s *Sink) Add(r Rule) (*Armed, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	list := &s.rules
	if r.onPort() {
		list = &s.gates
	}
	a := &Armed{Armed: list.Add(r, r.Turn), sink: s}
	var live int
	var err error
	switch r.Do {
	case Down:
		live, err = s.port.Shut()
	case Reset:
		live = s.port.Reset()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("take the API sink down: %w", err), a.Remove())
	}
	for range live {
		a.Touch()
	}
	return a, nil
}

// Remove takes the rule out of force; a sink that was down listens again at its old address.
func (a *Armed) Remove() error {
	a.Armed.Remove()
	if a.Rule.Do != Down {
		return nil
	}
	return a.sink.port.Open()
}

// Counts returns the totals so far.
func (s *Sink) Counts() Counts {
	l := s.ledger
	return Counts{
		Requests: int(l.requests.Load()),
		Effects:  int(l.effects.Load()),
		Replays:  int(l.replays.Load()),
		Refused:  int(l.refused.Load()),
	}
}

// Effects tells how many effects a job had.
func (s *Sink) Effects(job string) int { return s.ledger.effectsOf(job) }

func (s *Sink) admit() bool {
	return s.gates.Pick(func(r *Rule) bool { return r.Do == Reset }) == nil
}
