package legacyproxy

import (
	"github.com/comeback-chaos/xk6-comeback/targets/proxy"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
)

// outTooSoon takes one bad check for an illness, outTooLate waits for one more than it is told, and inTooSoon takes one
// good check for the end of it.
func outTooSoon(p *proxy.Proxy) { checks(p, func(h *backend.Health) { h.Unhealthy = 1 }) }
func outTooLate(p *proxy.Proxy) { checks(p, func(h *backend.Health) { h.Unhealthy++ }) }
func inTooSoon(p *proxy.Proxy)  { checks(p, func(h *backend.Health) { h.Healthy = 1 }) }

// checks changes how backends are checked.
func checks(p *proxy.Proxy, change func(*backend.Health)) {
	load := p.Load
	p.Load = func(path string) ([]backend.Spec, error) {
		specs, err := load(path)
		for i := range specs {
			change(&specs[i].Health)
		}
		return specs, err
	}
}
