package health

import (
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
)

// Passive ejects a backend whose answers to requests fail one after the other, though its checks may be
// well. It comes back by its checks, after a time that doubles with each ejection.
type Passive struct {
	Pool  *backend.Pool
	Log   *slog.Logger
	After int64         // failures in a row; 0: never
	First time.Duration // the first ejection lasts at least so long
	Limit time.Duration // and none longer
	Share float64       // of all backends that may be ejected at a time

	refused atomic.Int64
}

// Refused tells how many ejections did not happen, because they would have left too few in service.
func (p *Passive) Refused() int64 { return p.refused.Load() }

// Note takes how a request ended: failed is why the backend is to blame, or empty.
func (p *Passive) Note(b *backend.Backend, failed string) {
	failures := &b.Counts().Failures
	if failed == "" {
		if failures.Load() != 0 { // written only when it must be: every request comes by
			failures.Store(0)
		}
		return
	}
	if n := failures.Add(1); p.After == 0 || n < p.After {
		return
	}
	reason := fmt.Sprintf("%d requests in a row failed, the last one: %s", p.After, failed)
	if refused := p.Pool.Eject(b, reason, p.First, p.Limit, p.Share); refused != "" {
		p.refused.Add(1)
		p.Log.Debug("not ejected", "backend", b.Name(), "reason", reason, "because", refused)
	}
}
