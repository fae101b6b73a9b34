package legacyproxy_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/settings"
)

// within is how long anything that must happen may take on a busy machine.
const within = 20 * time.Second

// most is how many requests a backend of the lab may have at the same time.
const most = 20

// server is a backend. Its health is a status, or 0: then it never answers the check.
type server struct {
	url    string
	health atomic.Int32
	checks atomic.Int64 // answered
	hits   atomic.Int64 // all other requests
}

func newServer(t *testing.T, h http.HandlerFunc) *server {
	t.Helper()
	s := &server{}
	s.health.Store(http.StatusOK)
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			s.hits.Add(1)
			h(w, r)
			return
		}
		code := s.health.Load()
		if code == 0 {
			<-r.Context().Done()
			return
		}
		w.WriteHeader(int(code))
		s.checks.Add(1)
	}))
	t.Cleanup(up.Close)
	s.url = up.URL
	return s
}

func ok(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") }

// lab is a proxy in front of backends that are named a, b, c …
type lab struct {
	*proxy.Proxy
	t      *testing.T
	url    string
	client *http.Client
}

// How backends are asked for their health: calm by default, so that a machine that stands still for a second makes none
// of them unhealthy; quick where the checks themselves are what a story is about.
const (
	calm  = "{interval: 2s, timeout: 2s, healthy: 1, unhealthy: 2}"
	quick = "{interval: 250ms, timeout: 250ms, healthy: 2, unhealthy: 2}"
)

// start runs the proxy with change's decision; env may change its settings, as NAME=value.
func start(t *testing.T, change func(*proxy.Proxy), servers []*server, env ...string) *lab {
	t.Helper()
	return startChecked(t, calm, change, servers, env...)
}

// startChecked has checks of its own.
func startChecked(t *testing.T, checks string, change func(*proxy.Proxy), servers []*server, env ...string) *lab {
	t.Helper()
	file := filepath.Join(t.TempDir(), "backends.yaml")
	require.NoError(t, os.WriteFile(file, []byte(backends(checks, servers)), 0o600))
	given := map[string]string{"BACKENDS_FILE": file, "STOP_TIMEOUT": "0s", "CACHE_BYTES": "0", "RETRY_PER_SECOND": "100"}
	for _, setting := range env {
		name, value, _ := strings.Cut(setting, "=")
		given[name] = value
	}
	s, err := settings.Parse(nil, func(name string) (string, bool) { v, is := given[name]; return v, is }, io.Discard)
	require.NoError(t, err)
	l := &lab{Proxy: proxy.New(s, slog.New(slog.DiscardHandler)), t: t,
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}, Timeout: within}}
	change(l.Proxy)
	l.run()
	return l
}

func (l *lab) run() {
	l.t.Helper()
	clients, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(l.t, err)
	operators, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(l.t, err)
	l.url = "http://" + clients.Addr().String()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx, proxy.Listeners{Clients: clients, Admin: operators}, nil) }()
	l.t.Cleanup(func() {
		stop()
		require.NoError(l.t, <-done)
		l.client.CloseIdleConnections()
	})
}

func backends(checks string, servers []*server) string {
	var b strings.Builder
	fmt.Fprintf(&b, "defaults: {max_active: %d, health: %s}\nbackends:\n", most, checks)
	for i, s := range servers {
		fmt.Fprintf(&b, "  - {name: %c, url: '%s'}\n", 'a'+i, s.url)
	}
	return b.String()
}

// state is what a backend is to the proxy.
func (l *lab) state(name string) backend.State {
	for _, s := range l.Pool.List() {
		if s.Name == name {
			return s.State
		}
	}
	return ""
}

// is gives a condition for await.
func (l *lab) is(name string, s backend.State) func() bool {
	return func() bool { return l.state(name) == s }
}

// until waits for backends to be in a state.
func (l *lab) until(s backend.State, names ...string) {
	l.t.Helper()
	for _, name := range names {
		require.Eventually(l.t, l.is(name, s), within, time.Millisecond, "%s is to be %s", name, s)
	}
}

// ask sends a request to the proxy; its header is a name and a value.
func (l *lab) ask(method, path, body string, header ...string) (*http.Response, string) {
	l.t.Helper()
	r, err := http.NewRequestWithContext(l.t.Context(), method, l.url+path, strings.NewReader(body))
	require.NoError(l.t, err)
	if len(header) == 2 {
		r.Header.Set(header[0], header[1])
	}
	res, err := l.client.Do(r)
	require.NoError(l.t, err)
	text, err := io.ReadAll(res.Body)
	require.NoError(l.t, err)
	require.NoError(l.t, res.Body.Close())
	return res, string(text)
}

// await waits until one of the two is the case, and tells which.
func await(t *testing.T, right, wrong func() bool) bool {
	t.Helper()
	for deadline := time.Now().Add(within); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if right() {
			return true
		}
		if wrong() {
			return false
		}
	}
	require.Fail(t, "neither the right thing nor the wrong one happens")
	return false
}
