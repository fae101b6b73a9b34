package ops

import (
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Part is one named part of the health.
type Part struct {
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"`
}

// Board holds what the endpoints show. Make it with NewBoard. Safe for many goroutines.
type Board struct {
	Metrics *Metrics
	// Consuming tells whether messages can arrive at this moment; Broker whether there is a connection.
	Consuming, Broker func() bool
	// Incidents lists the open ones.
	Incidents func() []string

	registry *prometheus.Registry
	mu       sync.Mutex
	state    State
	since    time.Time
	parts    map[string]Part
}

// NewBoard makes a board in the first state of a boot.
func NewBoard() *Board {
	r := prometheus.NewRegistry()
	b := &Board{Metrics: newMetrics(r), registry: r, parts: make(map[string]Part)}
	b.Enter(WaitingForSwap)
	return b
}

// Enter notes the state, and tells whether it is another one than before.
func (b *Board) Enter(s State) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s == b.state {
		return false
	}
	if b.state != "" {
		b.Metrics.state.WithLabelValues(string(b.state)).Set(0)
	}
	b.Metrics.state.WithLabelValues(string(s)).Set(1)
	b.state, b.since = s, time.Now()
	return true
}

// State is the present one.
func (b *Board) State() State {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state
}

// Note keeps the health of a part; nil is healthy.
func (b *Board) Note(part string, err error, detail string) {
	p := Part{OK: err == nil, Detail: detail}
	if err != nil {
		p.Detail = err.Error()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.parts[part] = p
}

// Ready tells whether the consumer is consuming.
func (b *Board) Ready() bool {
	return b.State() == Consuming && (b.Consuming == nil || b.Consuming())
}

// Handler serves the endpoints.
func (b *Board) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", b.health)
	mux.HandleFunc("GET /readyz", b.ready)
	mux.Handle("GET /metrics", promhttp.HandlerFor(b.registry, promhttp.HandlerOpts{}))
	return mux
}

// health is the body of /healthz.
type health struct {
	OK        bool            `json:"ok"`
	State     State           `json:"state"`
	Since     time.Time       `json:"since"`
	Parts     map[string]Part `json:"parts"`
	Incidents []string        `json:"incidents"`
}

func (b *Board) health(w http.ResponseWriter, _ *http.Request) {
	h := health{OK: true, Parts: map[string]Part{}, Incidents: []string{}}
	b.mu.Lock()
	h.State, h.Since = b.state, b.since
	for name, p := range b.parts {
		h.Parts[name] = p
	}
	b.mu.Unlock()
	if b.Broker != nil {
		h.Parts["broker"] = Part{OK: b.Broker() || h.State != Consuming, Detail: connected(b.Broker())}
	}
	h.Parts["consuming"] = Part{OK: b.Ready(), Detail: string(h.State)}
	if b.Incidents != nil {
		h.Incidents = b.Incidents()
	}
	for _, p := range h.Parts {
		h.OK = h.OK && p.OK
	}
	answer(w, h.OK, h)
}

func (b *Board) ready(w http.ResponseWriter, _ *http.Request) {
	answer(w, b.Ready(), map[string]any{"ready": b.Ready(), "state": b.State()})
}

func answer(w http.ResponseWriter, ok bool, body any) {
	w.Header().Set("Content-Type", "application/json")
	if !ok {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(body) // a client that has gone cannot be told
}

func connected(up bool) string {
	if up {
		return "connected"
	}
	return "not connected"
}
