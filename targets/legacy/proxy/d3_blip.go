package legacyproxy

import "github.com/comeback-chaos/xk6-comeback/targets/proxy"

// blipEjects takes one failed request for an incident, and the first incident for the worst.
func blipEjects(p *proxy.Proxy) {
	p.Passive.After = 1
	p.Passive.First = p.Passive.Limit
}
