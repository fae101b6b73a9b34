package alertsink

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/comeback-chaos/xk6-comeback/fakes/port"
	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

// maxBody is the largest message that is taken, in bytes.
const maxBody = 1 << 20

// Config sets a Sink up; the zero value works.
type Config struct {
	Addr    string       // loopback; empty: 127.0.0.1 and a free port
	OnAlert func(Alert)  // told once per accepted message, before its answer; in the ledger's order. Nil: not told
	Log     *slog.Logger // nil: discarded
}

// Sink is a running webhook.
type Sink struct {
	cancel context.CancelFunc
	ctx    context.Context // the sink's own life
	config Config
	port   *port.Port
	rules  script.List[Rule]
	wait   func() error

	mu     sync.Mutex
	alerts []Alert
}

// Armed is a rule in force; its Remove takes it out.
type Armed = script.Armed[Rule]

// Listen starts a sink; it ends with ctx or Close.
func Listen(ctx context.Context, c Config) (*Sink, error) {
	if c.Addr == "" {
		c.Addr = "127.0.0.1:0"
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	p, err := port.Listen(c.Addr, nil)
	if err != nil {
		return nil, fmt.Errorf("alert sink: %w", err)
	}
	s := &Sink{config: c, port: p}
	s.ctx, s.cancel = context.WithCancel(ctx)
	s.wait = port.Serve(s.ctx, p, s, c.Log)
	return s, nil
}

// URL is the webhook that a target is told.
func (s *Sink) URL() string { return "http://" + s.port.Addr().String() + "/services/T0/B0/comeback" }

// Close ends the sink and every request in it, and returns when nothing more will be told; the hook
// must not call it. The ledger can still be read.
func (s *Sink) Close() error {
	s.cancel()
	return s.wait()
}

// Add puts a rule in force behind those there are. Of these, the first whose turn it is acts.
func (s *Sink) Add(r Rule) (*Armed, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	return s.rules.Add(r, r.Turn), nil
}

// Alerts returns what was accepted, in order.
func (s *Sink) Alerts() []Alert {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.alerts)
}

// ServeHTTP implements http.Handler.
func (s *Sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.HasPrefix(r.URL.Path, "/services/") {
		s.answer(w, http.StatusNotFound, "no_team")
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", "POST")
		s.answer(w, http.StatusMethodNotAllowed, "invalid_method")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		s.answer(w, http.StatusBadRequest, "invalid_payload")
		return
	}
	if a := s.rules.Pick(func(*Rule) bool { return true }); a != nil && !s.act(w, r, a) {
		return
	}
	alert, wrong := parse(r.Header.Get("Content-Type"), body)
	if wrong != "" {
		s.answer(w, http.StatusBadRequest, wrong)
		return
	}
	s.keep(alert)
	s.answer(w, http.StatusOK, "ok")
}

// act does what the rule says and tells whether the message may be accepted all the same.
func (s *Sink) act(w http.ResponseWriter, r *http.Request, a *Armed) bool {
	switch a.Rule.Do {
	case Limit:
		w.Header().Set("Retry-After", strconv.Itoa(a.Rule.retryAfter()))
		s.answer(w, http.StatusTooManyRequests, "rate_limited")
		return false
	case Fail:
		s.answer(w, a.Rule.status(), "server_error")
		return false
	case Hang:
		select {
		case <-a.Gone():
			return true
		case <-r.Context().Done():
		case <-s.ctx.Done():
		}
	}
	if err := port.Cut(w, nil); err != nil {
		s.config.Log.Debug("the caller of the alert sink had gone", "error", err)
	}
	return false
}

// keep holds the lock while it tells, so that the ledger and what was told have one order.
func (s *Sink) keep(a Alert) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.alerts = append(s.alerts, a)
	if s.config.OnAlert != nil {
		s.config.OnAlert(a)
	}
}

func (s *Sink) answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	if _, err := io.WriteString(w, text); err != nil {
		s.config.Log.Debug("the caller of the alert sink had gone", "error", err)
	}
}
