package metadata

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/port"
	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

// Config sets a Service up; the zero value works.
type Config struct {
	Addr     string           // loopback; empty: 127.0.0.1 and a free port
	Instance string           // instance id; empty: "i-0123456789abcdef0"
	Region   string           // empty: "eu-central-1"
	Now      func() time.Time // nil: time.Now
	Log      *slog.Logger     // nil: discarded
}

// Service is a running instance metadata service.
type Service struct {
	ctx    context.Context // the service's own life
	cancel context.CancelFunc
	config Config
	port   *port.Port
	rules  script.List[Rule]
	wait   func() error

	mu      sync.Mutex
	tokens  map[string]time.Time // until when each is good
	notice  *Notice              // nil: there is none
	waiting []chan struct{}      // closed at the next answer that no rule made
}

// Notice is an announced end.
type Notice struct {
	at   time.Time
	once sync.Once
	read chan struct{}
}

// At is the announced time. The protocol has whole seconds.
func (n *Notice) At() time.Time { return n.at }

// Read is closed once somebody was given the notice.
func (n *Notice) Read() <-chan struct{} { return n.read }

// Armed is a rule in force; its Remove takes it out.
type Armed = script.Armed[Rule]

// Listen starts a service; it ends with ctx or Close.
func Listen(ctx context.Context, c Config) (*Service, error) {
	if c.Addr == "" {
		c.Addr = "127.0.0.1:0"
	}
	if c.Instance == "" {
		c.Instance = "i-0123456789abcdef0"
	}
	if c.Region == "" {
		c.Region = "eu-central-1"
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	p, err := port.Listen(c.Addr, nil)
	if err != nil {
		return nil, fmt.Errorf("instance metadata: %w", err)
	}
	s := &Service{config: c, port: p, tokens: map[string]time.Time{}}
	s.ctx, s.cancel = context.WithCancel(ctx)
	s.wait = port.Serve(s.ctx, p, s, c.Log)
	return s, nil
}

// URL is what a target is told: http://host:port.
func (s *Service) URL() string { return "http://" + s.port.Addr().String() }

// Close ends the service and every request in it.
func (s *Service) Close() error {
	s.cancel()
	return s.wait()
}

// Announce gives notice that the instance will be terminated in so long, rounded up to the whole
// second in which the protocol tells it. It takes the place of an earlier notice.
func (s *Service) Announce(in time.Duration) *Notice {
	at := s.config.Now().Add(in)
	if whole := at.Truncate(time.Second); whole != at {
		at = whole.Add(time.Second)
	}
	n := &Notice{at: at, read: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notice = n
	return n
}

// Withdraw takes the notice back: the instance that asks next is a fresh one.
func (s *Service) Withdraw() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notice = nil
}

// Answered gives a channel that is closed at the next answer that no rule made.
func (s *Service) Answered() <-chan struct{} {
	next := make(chan struct{})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = append(s.waiting, next)
	return next
}

// Add puts a rule in force behind those there are, for the next request on. Of the rules that match
// a request, the first whose turn it is acts.
func (s *Service) Add(r Rule) (*Armed, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	return s.rules.Add(r, r.Turn), nil
}
