package legacyproxy

import (
	"github.com/comeback-chaos/xk6-comeback/targets/proxy"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
)

// takesTurns gives each backend the next request, however many it has not answered yet.
func takesTurns(p *proxy.Proxy) { p.Pool.Picker = &backend.RoundRobin{} }
