package legacyproxy

import (
	"context"
	"sync"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
)

// neverBack remembers who went out of service, and has no way back for them.
func neverBack(p *proxy.Proxy) {
	var out sync.Map // by URL
	observe, ask := p.Pool.Observe, p.Active.Probe
	p.Pool.Observe = func(c backend.Change) {
		if c.From == backend.Healthy && (c.To == backend.Unhealthy || c.To == backend.Ejected) {
			out.Store(c.URL, true)
		}
		observe(c)
	}
	p.Active.Probe = func(ctx context.Context, spec *backend.Spec) backend.Check {
		c := ask(ctx, spec)
		if _, was := out.Load(spec.URL.String()); was {
			c.OK, c.What = false, "it was out of service"
		}
		return c
	}
}
