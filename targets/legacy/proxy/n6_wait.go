package legacyproxy

import "github.com/comeback-chaos/xk6-comeback/targets/proxy"

// waitsForEver has no limit for the first byte of an answer.
func waitsForEver(p *proxy.Proxy) { p.Forward.Limits.FirstByte = 0 }
