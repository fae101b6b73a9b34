package proxy

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/admin"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/cache"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/flow"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/forward"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/guard"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/health"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/ops"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/settings"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/shed"
)

// Proxy is the whole. New makes it; its parts may be replaced before Run.
type Proxy struct {
	Settings settings.Settings
	Log      *slog.Logger

	Load    func(path string) ([]backend.Spec, error) // reads the file of backends
	Pool    *backend.Pool                             // what the backends are, and which is next
	Active  *health.Active                            // asks them
	Passive *health.Passive                           // looks at their answers
	Forward *forward.Handler                          // takes requests to them
	Shed    *shed.Shedder                             // turns requests away
	Flow    *flow.Copier                              // brings answers to slow readers
	Guard   *guard.Listener                           // refuses requests that can be misunderstood; its Listener is set by Run
	Limits  guard.Limits                              // of requests
	Check   func(*http.Request) int                   // nil: by Limits; gives the status to refuse a request with, or 0
	Cache   *cache.Cache                              // nil: none; its Next is set by Handler
	Board   *ops.Board
	Admin   *admin.API

	refused refusals
	reload  sync.Mutex
}

// eventsKept is how many changes the admin API can tell of.
const eventsKept = 1000

// New puts the parts together as the settings say.
func New(s settings.Settings, log *slog.Logger) *Proxy {
	p := &Proxy{Settings: s, Log: log, Load: backend.Load, refused: newRefusals()}
	slow := backend.SlowStart{Window: s.SlowStart}
	p.Pool = &backend.Pool{Picker: &backend.RoundRobin{SlowStart: slow}, Drain: s.DrainTimeout,
		Transport: func(b *backend.Spec) http.RoundTripper {
			return forward.Transport(b, s.ConnectTimeout, s.BackendIdle)
		}}
	if s.Picker == "least-active" {
		p.Pool.Picker = &backend.LeastActive{SlowStart: slow}
	}
	p.Pool.Queue.Places, p.Pool.Queue.Wait = s.QueuePlaces, s.QueueTimeout
	p.Board = ops.NewBoard(p.Pool)
	if s.AccessLog {
		p.Board.AccessLog = log
	}
	events := &admin.Events{Keep: eventsKept}
	p.Pool.Observe = func(c backend.Change) {
		events.Add(c)
		p.Board.Changed(c)
		p.logChange(c)
	}
	p.Admin = &admin.API{Pool: p.Pool, Events: events, Reload: p.Reload}
	p.Active = &health.Active{Pool: p.Pool, Probe: health.Ask, Jitter: s.HealthJitter / 100}
	p.Passive = &health.Passive{Pool: p.Pool, Log: log, After: int64(s.EjectAfter),
		First: s.EjectTime, Limit: s.EjectTimeMax, Share: s.EjectMaxShare / 100}
	p.Shed = &shed.Shedder{Share: s.ShedShare / 100, Limit: p.shedLimit}
	p.Flow = &flow.Copier{High: s.BufferHigh, Low: s.BufferLow, Most: int64(s.BufferMost), Stall: s.ReaderStall, Total: s.ReaderTotal}
	if s.CacheBytes > 0 {
		p.Cache = &cache.Cache{Bytes: int64(s.CacheBytes), Object: int64(s.CacheObject), Unsaid: s.CacheUnsaid, Wait: s.CacheWait, Stall: s.ReaderStall}
	}
	p.Limits = guard.Limits{Head: s.HeaderTimeout, HeadBytes: s.HeaderLimit, Fields: s.HeaderFields, URI: s.URILimit,
		Body: int64(s.BodyLimit), Grace: s.BodyGrace, Rate: int64(s.BodyRate), Idle: s.ClientIdle}
	p.Guard = &guard.Listener{Refused: func(remote net.Addr, r guard.Reason) {
		p.refused[r].Add(1)
		p.Log.Debug("request refused", "client", remote.String(), "reason", string(r)) // else a client could fill the log
	}}
	p.Guard.Most, p.Guard.RetryAfter = s.ClientMost, s.RetryAfter
	p.Forward = p.newForward()
	p.export()
	return p
}

func (p *Proxy) newForward() *forward.Handler {
	s := p.Settings
	var codes backend.Codes // none
	if s.RetryCodes != "none" {
		codes, _ = backend.ParseCodes(s.RetryCodes) // settings has checked it
	}
	return &forward.Handler{Pool: p.Pool, Observer: p.Board, Copy: p.Flow.Copy, Gate: p.Shed, Blame5xx: s.Eject5xx, RetryAfter: s.RetryAfter,
		Note: func(b *backend.Backend, failed string) { p.Passive.Note(b, failed) },
		Limits: forward.Limits{Connect: s.ConnectTimeout, FirstByte: s.FirstByte, Idle: s.IdleTimeout,
			Total: s.TotalTimeout, Upgrade: s.UpgradeIdle},
		Retry: forward.Retry{Attempts: s.RetryAttempts, Codes: codes, BodyLimit: int64(s.RetryBody),
			Budget: forward.NewShare(s.RetryShare/100, s.RetryPerSecond)},
		Head: forward.Head{Trust: s.TrustForwarded, Via: s.Via, ServedBy: s.ServedBy}}
}

// shedLimit is how many requests could be worked on.
func (p *Proxy) shedLimit() int64 {
	if capacity := p.Pool.Capacity(); p.Settings.ShedLimit == 0 || capacity == 0 {
		return capacity
	}
	return int64(p.Settings.ShedLimit)
}

// Handler answers clients.
func (p *Proxy) Handler() http.Handler {
	var h http.Handler = p.Forward
	if p.Cache != nil { // in front of the gate: what is stored costs no backend anything
		p.Cache.Next = h
		h = p.Cache
	}
	g := guard.NewHandler(p.Limits, h)
	if p.Check != nil {
		g.Check = p.Check
	}
	return p.bounded(p.Board.Wrap(g))
}

// bounded gives a client as long as any slow reader has for what the server still writes when the handler is done: heads
// without a body, and short answers. All else has limits where it is written. The server takes it away for the next.
func (p *Proxy) bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r)
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(p.Settings.ReaderStall)) // no matter when the connection has gone
	})
}

func (p *Proxy) logChange(c backend.Change) {
	level := slog.LevelInfo
	if c.To == backend.Unhealthy || c.To == backend.Ejected {
		level = slog.LevelWarn
	}
	p.Log.Log(context.Background(), level, "backend "+string(c.To), "backend", c.Backend, "url", c.URL, "version", c.Version,
		"from", string(c.From), "to", string(c.To), "reason", c.Reason)
}
