package legacyproxy

import (
	"context"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
)

// anyAnswerIsHealthy has a matcher that matches all: a 404 of a server without that path, a 503 of an ill one.
func anyAnswerIsHealthy(p *proxy.Proxy) {
	next := p.Active.Probe
	any, _ := backend.ParseCodes("100-599") // every code there is
	p.Active.Probe = func(ctx context.Context, spec *backend.Spec) backend.Check {
		s := *spec
		s.Health.Codes = any
		return next(ctx, &s)
	}
}
