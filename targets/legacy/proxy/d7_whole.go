package legacyproxy

import (
	"net/http"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/guard"
)

// alwaysWhole does not hear which edition a client has.
func alwaysWhole(p *proxy.Proxy) {
	next := guard.NewHandler(p.Limits, nil).Check
	p.Check = func(r *http.Request) int {
		r.Header.Del("If-None-Match")
		return next(r)
	}
}
