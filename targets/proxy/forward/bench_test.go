package forward_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/proxytest"
)

// bare is a httputil.ReverseProxy.
func bare(l *lab, transport http.RoundTripper) http.Handler {
	a := l.all["a"]
	return proxytest.Bare(a.Spec().URL.Host, transport, "1.1 proxy", "a", "v1")
}

// quiet is the handler of a lab, without what the lab writes down.
func quiet(l *lab) http.Handler {
	l.Note = func(*backend.Backend, string) {}
	return l.Handler
}

// BenchmarkHandler has a transport that answers at once, so that only the code of the proxy itself is left.
func BenchmarkHandler(b *testing.B) {
	l := newLab(b, ok)
	l.all["a"].Transport = atOnce{}
	for _, p := range []struct {
		name string
		h    http.Handler
	}{{"bare", bare(l, atOnce{})}, {"forward", quiet(l)}} {
		b.Run(p.name, func(b *testing.B) { withoutSockets(b, p.h) })
	}
}

// BenchmarkForward compares Handler with httputil.ReverseProxy over loopback, with clients and backend in the same
// process, which both sides pay for alike. They take turns, so that a machine that others use, too, slows both
// down; what is reported are the medians over the turns.
func BenchmarkForward(b *testing.B) {
	for _, size := range []int{100, 64 << 10} {
		body := strings.Repeat("x", size)
		l := newLab(b, func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = []string{"text/plain"}
			w.Header()["Content-Length"] = []string{strconv.Itoa(size)}
			_, _ = io.WriteString(w, body)
		})
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			proxytest.Turns(b, proxytest.Load{Users: 8}, proxytest.Serve(b, "bare", bare(l, proxytest.Transport())), proxytest.Serve(b, "forward", quiet(l)))
		})
	}
}

// atOnce answers without a connection.
type atOnce struct{}

func (atOnce) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, ProtoMajor: 1, ProtoMinor: 1, ContentLength: 5, Request: r,
		Header: http.Header{"Content-Type": {"text/plain"}, "Content-Length": {"5"}, "Server": {"x"}, "Date": {"x"}},
		Body:   io.NopCloser(strings.NewReader("hello"))}, nil
}

// nowhere takes an answer.
type nowhere struct{ h http.Header }

func (n nowhere) Header() http.Header         { return n.h }
func (n nowhere) WriteHeader(int)             {}
func (n nowhere) Write(p []byte) (int, error) { return len(p), nil }

func withoutSockets(b *testing.B, h http.Handler) {
	r := httptest.NewRequestWithContext(b.Context(), "GET", "/path?query=1", nil)
	r.Header = http.Header{"User-Agent": {"bench"}, "Accept": {"text/html"}, "Accept-Encoding": {"gzip"}, "Accept-Language": {"en"}, "Cookie": {"session=1"}}
	w := nowhere{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.h)
		h.ServeHTTP(w, r)
	}
}
