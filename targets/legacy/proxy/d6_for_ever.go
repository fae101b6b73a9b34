package legacyproxy

import "github.com/comeback-chaos/xk6-comeback/targets/proxy"

// turnsAwayForEver lowers its limit when there is too much, and nothing raises it again. One request at a time
// it always takes.
func turnsAwayForEver(p *proxy.Proxy) {
	next := p.Shed.Limit
	p.Shed.Limit = func() int64 {
		if p.Shed.Shed() > 0 {
			return 1
		}
		return next()
	}
}
