package legacyproxy

import (
	"io"
	"net/http"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
)

// anyEndIsTheEnd passes every answer on as a stream, as one that changes it would, and takes whatever ends that of
// the backend for its end.
func anyEndIsTheEnd(p *proxy.Proxy) {
	next := p.Pool.Transport
	p.Pool.Transport = func(spec *backend.Spec) http.RoundTripper { return streams{next(spec).(transport)} }
}

type transport interface {
	http.RoundTripper
	CloseIdleConnections()
}

type streams struct{ transport }

func (s streams) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := s.transport.RoundTrip(r)
	if err == nil && res.ContentLength > 0 {
		res.ContentLength = -1
		res.Header.Del("Content-Length")
		res.Body = stream{res.Body}
	}
	return res, err
}

type stream struct{ io.ReadCloser }

func (s stream) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
	if err != nil {
		err = io.EOF
	}
	return n, err
}
