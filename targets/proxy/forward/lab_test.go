package forward_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/forward"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/proxytest"
)

func TestMain(m *testing.M) { proxytest.Main(m) }

// within is how long anything that must happen may take on a busy machine.
const within = 20 * time.Second

// lab is a handler in front of backends, all of them healthy.
type lab struct {
	*forward.Handler
	front *httptest.Server
	all   map[string]*backend.Backend
	hits  map[string]*atomic.Int64

	mu     sync.Mutex
	notes  []string
	failed []string
}

// Retried and Failed implement forward.Observer.
func (l *lab) Retried(result string) { l.note("retried " + result) }
func (l *lab) Failed(cause string)   { l.note(cause) }
func (l *lab) note(s string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed = append(l.failed, s)
}

func (l *lab) told() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string{}, l.failed...)
}

func (l *lab) noted() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var bad []string
	for _, n := range l.notes {
		if !strings.HasSuffix(n, ": ") {
			bad = append(bad, n)
		}
	}
	return bad
}

func newLab(t testing.TB, backends ...http.HandlerFunc) *lab {
	l := &lab{all: map[string]*backend.Backend{}, hits: map[string]*atomic.Int64{}}
	codes, err := backend.ParseCodes("502-504")
	require.NoError(t, err)
	pool := &backend.Pool{Picker: &backend.RoundRobin{}, Drain: time.Minute,
		Added: func(b *backend.Backend) { l.all[b.Name()] = b },
		Transport: func(s *backend.Spec) http.RoundTripper {
			return forward.Patient(forward.Transport(s, time.Second, time.Minute), within)
		}}
	l.Handler = &forward.Handler{Pool: pool, Observer: l, RetryAfter: time.Second, Blame5xx: true,
		Limits: forward.Limits{Connect: time.Second, FirstByte: within, Idle: within},
		Retry:  forward.Retry{Attempts: 2, Codes: codes, BodyLimit: 1 << 10, Budget: forward.NewShare(0.2, 100)},
		Head:   forward.Head{Via: "proxy", ServedBy: true},
		Note: func(b *backend.Backend, failed string) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.notes = append(l.notes, b.Name()+": "+failed)
		}}
	for i, h := range backends {
		name := string(rune('a' + i))
		hits := &atomic.Int64{}
		l.hits[name] = hits
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { hits.Add(1); h(w, r) }))
		s.Config.ErrorLog = nil
		s.Start()
		t.Cleanup(s.Close)
		l.add(t, name, s.URL)
	}
	l.front = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { l.ServeHTTP(w, r) }))
	l.front.Config.Protocols = new(http.Protocols)
	l.front.Config.Protocols.SetHTTP1(true)
	l.front.Config.Protocols.SetUnencryptedHTTP2(true)
	l.front.Start()
	t.Cleanup(func() {
		l.front.Close()
		for _, b := range l.all {
			_ = pool.Remove(b.Name(), "the test is over", 0, true)
		}
	})
	return l
}

func (l *lab) add(t testing.TB, name, at string) { l.put(t, name, at, false) }

func (l *lab) put(t testing.TB, name, at string, h2c bool) {
	u, err := url.Parse(at)
	require.NoError(t, err)
	codes, err := backend.ParseCodes("200")
	require.NoError(t, err)
	l.Pool.Put(backend.Spec{Name: name, URL: u, H2C: h2c, Version: "v1", Weight: 1, MaxActive: 100, Health: backend.Health{
		Path: "/", Codes: codes, Interval: time.Second, Timeout: time.Second, Healthy: 1, Unhealthy: 1}})
	l.Pool.Checked(l.all[name], backend.Check{At: time.Now(), OK: true, What: "200"})
}

// refusing gives the address of a port that refuses connections.
func refusing(t testing.TB) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, ln.Close())
	return "http://" + ln.Addr().String()
}

func (l *lab) do(t testing.TB, method, path string, body io.Reader, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, l.front.URL+path, body)
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := l.front.Client().Transport.RoundTrip(r)
	require.NoError(t, err)
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	return res, string(text)
}

// raw sends text over a connection of its own.
func (l *lab) raw(t testing.TB, text string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", l.front.Listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(within)))
	_, err = io.WriteString(conn, strings.ReplaceAll(text, "\n", "\r\n"))
	require.NoError(t, err)
	return conn, bufio.NewReader(conn)
}

func ok(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") }
func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}
func broken(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
