package legacyproxy

import (
	"github.com/comeback-chaos/xk6-comeback/targets/proxy"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/forward"
)

// neverRetries takes the first failure for the answer, whatever may be asked of another backend.
func neverRetries(p *proxy.Proxy) {
	p.Forward.Retry.Safe = func(forward.Trial) bool { return false }
}
