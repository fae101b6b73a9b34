package legacyproxy

import (
	"net/http"
	"net/url"
	"sync/atomic"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
)

// sendsToDrained knows that a backend is being drained, and gives it all there is for as long as that takes.
func sendsToDrained(p *proxy.Proxy) { sendsTo(p, backend.Draining) }

// sendsToStarting gives a new backend all there is, until it is healthy: its port is open, after all.
func sendsToStarting(p *proxy.Proxy) { sendsTo(p, backend.Starting) }

func sendsTo(p *proxy.Proxy, state backend.State) {
	var there atomic.Pointer[string] // host and port of the one in that state
	observe, transport := p.Pool.Observe, p.Pool.Transport
	p.Pool.Observe = func(c backend.Change) {
		switch u, err := url.Parse(c.URL); {
		case err != nil:
		case c.To == state:
			there.Store(&u.Host)
		case c.From == state:
			there.Store(nil)
		}
		observe(c)
	}
	p.Pool.Transport = func(s *backend.Spec) http.RoundTripper {
		return &detour{RoundTripper: transport(s), to: &there}
	}
}

// detour sends requests elsewhere while there is an elsewhere.
type detour struct {
	http.RoundTripper
	to *atomic.Pointer[string]
}

func (d *detour) RoundTrip(r *http.Request) (*http.Response, error) {
	if host := d.to.Load(); host != nil {
		r = r.Clone(r.Context())
		r.URL.Host = *host
	}
	return d.RoundTripper.RoundTrip(r)
}

// CloseIdleConnections closes those of the transport.
func (d *detour) CloseIdleConnections() {
	if t, ok := d.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}
