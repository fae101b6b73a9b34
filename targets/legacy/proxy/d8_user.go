package legacyproxy

import (
	"maps"
	"net/http"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/cache"
)

// cacheWithoutUser stores answers under a key in which it makes no difference who asks.
func cacheWithoutUser(p *proxy.Proxy) {
	if p.Cache == nil {
		return
	}
	p.Cache.Key = func(b []byte, r *http.Request, a *cache.Answer) ([]byte, bool) {
		anybody := *r
		anybody.Header = maps.Clone(r.Header)
		anybody.Header.Del("Authorization")
		anybody.Header.Del("Cookie")
		return cache.Key(b, &anybody, a)
	}
}
