package legacyproxy

import (
	"net/http"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/guard"
)

// noRetryAfter says that nobody is there, and not when somebody may be.
func noRetryAfter(p *proxy.Proxy) {
	next := guard.NewHandler(p.Limits, nil).Check
	p.Check = func(r *http.Request) int {
		if status := next(r); status != 0 || len(p.Pool.InService()) > 0 {
			return status
		}
		return http.StatusServiceUnavailable
	}
}
