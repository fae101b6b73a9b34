package legacyproxy

import "github.com/comeback-chaos/xk6-comeback/targets/proxy"

// shedsTooSoon is careful: 40 % of what the backends can do is all that it takes.
func shedsTooSoon(p *proxy.Proxy) { p.Shed.Share = 0.4 }
