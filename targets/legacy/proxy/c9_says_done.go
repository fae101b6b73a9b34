package legacyproxy

import (
	"net/http"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
)

// saysDone spares the client of a POST every failure.
func saysDone(p *proxy.Proxy) {
	next := p.Pool.Transport
	p.Pool.Transport = func(spec *backend.Spec) http.RoundTripper { return done{next(spec).(transport), spec.Version} }
}

type done struct {
	transport
	version string
}

func (d done) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := d.transport.RoundTrip(r)
	if err == nil || r.Method != http.MethodPost {
		return res, err
	}
	return &http.Response{StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"X-Version": {d.version}}, Body: http.NoBody}, nil
}
