package forward

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"sync"
	"sync/atomic"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
)

// attempt is one try at one backend.
type attempt struct {
	x      *exchange
	b      *backend.Backend
	spec   *backend.Spec
	url    url.URL
	body   *body // nil: none
	trace  httptrace.ClientTrace
	ctx    context.Context
	cancel context.CancelCauseFunc
	lease  backend.Lease
	clock  clock
	source source
	free   atomic.Bool // its place is given back

	mu       sync.Mutex
	answered bool // the round trip is over: no 1xx any more
}

// begin makes the attempt ready, with a place at b; end and release must follow.
func (a *attempt) begin(x *exchange, b *backend.Backend) {
	a.x, a.b, a.spec = x, b, b.Spec()
	a.ctx, a.cancel = context.WithCancelCause(x.in.Context())
	b.Enlist(&a.lease, a.cancel)
	a.clock.start(a)
}

func (a *attempt) end() {
	a.clock.timer.Stop()
	a.b.Delist(&a.lease)
	a.cancel(nil)
	if a.body != nil {
		a.body.shut()
	}
}

// release gives the place back, once.
func (a *attempt) release() {
	if !a.free.Swap(true) {
		a.b.Release()
	}
}

// roundTrip sends the request and waits for the head of the answer.
func (a *attempt) roundTrip() (*http.Response, error) {
	x := a.x
	a.trace.Got1xxResponse = a.informational
	out := x.in.WithContext(httptrace.WithClientTrace(a.ctx, &a.trace))
	a.target()
	out.URL, out.RequestURI, out.Header, out.Close = &a.url, "", a.header(), false
	out.Body = http.NoBody // the server's must not be closed by the transport
	if a.body = x.newBody(a); a.body != nil {
		out.Body = a.body
	} else {
		out.ContentLength, out.TransferEncoding, out.Trailer = 0, nil, nil
	}
	res, err := a.b.Transport.RoundTrip(out)
	a.mu.Lock()
	a.answered = true
	a.mu.Unlock()
	if cause := context.Cause(a.ctx); err != nil && cause != nil {
		err = cause // why it was ended says more than that it was
	}
	return res, err
}

// header is that of the exchange, but for an upgrade that HTTP/2 does not have: the transport would refuse it.
func (a *attempt) header() http.Header {
	if a.x.upgrade == "" || !a.spec.H2C {
		return a.x.header
	}
	h := maps.Clone(a.x.header)
	delete(h, "Connection")
	delete(h, "Upgrade")
	return h
}

// target is where the request goes: the backend, with its path before that of the request.
func (a *attempt) target() {
	to := a.spec.URL
	a.url = url.URL{Scheme: to.Scheme, Host: to.Host, Path: a.x.in.URL.Path, RawPath: a.x.in.URL.RawPath,
		RawQuery: a.x.in.URL.RawQuery, ForceQuery: a.x.in.URL.ForceQuery}
	if to.Path != "" {
		if a.url.RawPath != "" || to.RawPath != "" {
			a.url.RawPath = to.EscapedPath() + a.x.in.URL.EscapedPath()
		}
		a.url.Path = to.Path + a.url.Path
	}
}

// informational passes a 1xx on. The transport calls it while roundTrip waits, or a little later.
func (a *attempt) informational(code int, head textproto.MIMEHeader) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.answered || a.ctx.Err() != nil || a.x.in.ProtoMajor == 1 && a.x.in.ProtoMinor == 0 {
		return nil
	}
	h := a.x.w.Header()
	ours := h[requestID]
	passOn(h, http.Header(head), true)
	a.x.w.WriteHeader(code)
	clear(h)
	if ours != nil {
		h[requestID] = ours
	}
	a.x.informed = a.x.informed || code != http.StatusContinue
	return nil
}

// trial is the attempt as far as it decides whether there may be another.
func (a *attempt) trial(err error) Trial {
	t := Trial{Method: a.x.in.Method, Replayed: a.body == nil || a.body.again()}
	if err != nil {
		t.NotSent = backend.NotSent(err)
		t.TooLate = errors.Is(err, errFirstByte) || errors.Is(err, errTotal) || a.bodyErr() != nil
	}
	return t
}

func (a *attempt) bodyErr() error {
	if a.body == nil {
		return nil
	}
	return a.body.failed()
}
