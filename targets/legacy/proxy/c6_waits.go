package legacyproxy

import (
	"net/http"
	"time"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/guard"
)

// hope is how long a request is kept though nobody can take it.
const hope = 500 * time.Millisecond

// letsWait hopes that somebody gets healthy while the client waits.
func letsWait(p *proxy.Proxy) {
	next := guard.NewHandler(p.Limits, nil).Check
	p.Check = func(r *http.Request) int {
		if status := next(r); status != 0 {
			return status
		}
		serves(p, r) // if not, the client is told
		return 0
	}
}

// serves waits for a backend to be in service, and gives up after a time.
func serves(p *proxy.Proxy, r *http.Request) bool {
	over := time.NewTimer(hope)
	defer over.Stop()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for len(p.Pool.InService()) == 0 {
		select {
		case <-look.C:
		case <-over.C:
			return false
		case <-r.Context().Done():
			return false
		}
	}
	return true
}
