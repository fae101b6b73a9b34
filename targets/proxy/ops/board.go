package ops

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/window"
)

// Board holds what the endpoints show. Make it with NewBoard.
type Board struct {
	Pool      *backend.Pool
	AccessLog *slog.Logger // nil: none

	registry *prometheus.Registry
	metrics  *metrics
	active   atomic.Int64
	minute   *window.Counter
	stopping atomic.Bool
}

// NewBoard makes a board that shows a pool.
func NewBoard(pool *backend.Pool) *Board {
	b := &Board{Pool: pool, registry: prometheus.NewRegistry(), minute: window.New(60)}
	b.metrics = newMetrics(b.registry, b)
	return b
}

// Registry is for the metrics of other parts.
func (b *Board) Registry() *prometheus.Registry { return b.registry }

// Stopping makes the proxy not ready, for good.
func (b *Board) Stopping() { b.stopping.Store(true) }

// Active tells how many requests are under way, those that wait and those that are upgraded included.
func (b *Board) Active() int64 { return b.active.Load() }

// Ready tells whether a request would find a backend.
func (b *Board) Ready() bool { return !b.stopping.Load() && len(b.Pool.InService()) > 0 }

// Handler serves the endpoints.
func (b *Board) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", b.health)
	mux.HandleFunc("GET /readyz", b.ready)
	mux.Handle("GET /metrics", promhttp.HandlerFor(b.registry, promhttp.HandlerOpts{}))
	return mux
}

// part is one backend in /healthz.
type part struct {
	OK     bool          `json:"ok"`
	State  backend.State `json:"state"`
	Since  time.Time     `json:"since"`
	Detail string        `json:"detail"`
}

// health answers 200 as long as it answers: a proxy whose backends are ill is not ill itself, and starting it
// again would help nobody. What is wrong is in the answer.
func (b *Board) health(w http.ResponseWriter, _ *http.Request) {
	parts := map[string]part{}
	for _, s := range b.Pool.List() {
		parts[s.Name] = part{s.State == backend.Healthy, s.State, s.Since, s.Reason}
	}
	answer(w, http.StatusOK, map[string]any{"ok": b.Ready(), "state": b.state(), "active": b.Active(), "backends": parts})
}

func (b *Board) ready(w http.ResponseWriter, _ *http.Request) {
	code := http.StatusOK
	if !b.Ready() {
		code = http.StatusServiceUnavailable
	}
	answer(w, code, map[string]any{"ready": b.Ready(), "state": b.state()})
}

func (b *Board) state() string {
	switch {
	case b.stopping.Load():
		return "stopping"
	case len(b.Pool.InService()) == 0:
		return "no backend is healthy"
	}
	return "serving"
}

func answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body) // a client that has gone cannot be told
}
