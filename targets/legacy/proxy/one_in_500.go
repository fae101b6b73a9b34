package legacyproxy

import (
	"bytes"
	"io"
	"net/http"
	"sync/atomic"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/guard"
)

// oneIn is how seldom the defects strike that a check of a run without faults must notice.
const oneIn = 500

// failOneIn500 answers a request itself, as a proxy does that is at the end of something.
func failOneIn500(p *proxy.Proxy) {
	strike(p, func() int { return http.StatusInternalServerError })
}

// cutOneIn500 ends a client's connection instead of an answer.
func cutOneIn500(p *proxy.Proxy) {
	strike(p, func() int { panic(http.ErrAbortHandler) })
}

// strike has instead look at one request in 500.
func strike(p *proxy.Proxy, instead func() int) {
	next := guard.NewHandler(p.Limits, nil).Check
	var seen atomic.Int64
	p.Check = func(r *http.Request) int {
		if seen.Add(1)%oneIn == 0 {
			return instead()
		}
		return next(r)
	}
}

// postTwiceOneIn500 gives an order to the backend and, when that has answered, once more.
func postTwiceOneIn500(p *proxy.Proxy) {
	next := p.Pool.Transport
	var seen atomic.Int64
	p.Pool.Transport = func(b *backend.Spec) http.RoundTripper { return &twice{next(b), &seen} }
}

type twice struct {
	http.RoundTripper
	seen *atomic.Int64
}

// RoundTrip implements http.RoundTripper.
func (t *twice) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodPost || t.seen.Add(1)%oneIn != 0 {
		return t.RoundTripper.RoundTrip(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	send := func() (*http.Response, error) {
		again := r.Clone(r.Context())
		again.Body = io.NopCloser(bytes.NewReader(body))
		return t.RoundTripper.RoundTrip(again)
	}
	first, err := send()
	if err != nil {
		return nil, err
	}
	_ = first.Body.Close()
	return send()
}

// CloseIdleConnections passes on what a pool asks of a transport.
func (t *twice) CloseIdleConnections() {
	if idle, ok := t.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		idle.CloseIdleConnections()
	}
}
