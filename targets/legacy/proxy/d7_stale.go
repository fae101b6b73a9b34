package legacyproxy

import (
	"net/http"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
)

// neverRevalidates finds backends too cautious, and takes what may be stored at all for good for a day.
func neverRevalidates(p *proxy.Proxy) { says(p, "max-age=86400") }

// alwaysRevalidates trusts no time, and asks whether what it has stored still holds each time.
func alwaysRevalidates(p *proxy.Proxy) { says(p, "no-cache") }

// says puts control in the place of what backends say of storing their answers.
func says(p *proxy.Proxy, control string) {
	next := p.Pool.Transport
	p.Pool.Transport = func(b *backend.Spec) http.RoundTripper { return otherwise{next(b), control} }
}

type otherwise struct {
	http.RoundTripper
	control string
}

func (b otherwise) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.RoundTripper.RoundTrip(r)
	if err == nil && res.Header.Get("Cache-Control") != "" {
		res.Header.Set("Cache-Control", b.control)
	}
	return res, err
}

// CloseIdleConnections is for the pool, when the backend leaves.
func (b otherwise) CloseIdleConnections() {
	if t, ok := b.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}
