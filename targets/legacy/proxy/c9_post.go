package legacyproxy

import (
	"net/http"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/forward"
)

// retriesPost takes every method for one that may be done twice.
func retriesPost(p *proxy.Proxy) {
	p.Forward.Retry.Safe = func(t forward.Trial) bool {
		t.Method = http.MethodGet
		return forward.Safe(t)
	}
}
