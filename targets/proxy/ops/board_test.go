package ops_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/ops"
)

// newBoard gives a board over a pool of one healthy backend and one that is not.
func newBoard(t *testing.T) (*ops.Board, map[string]*backend.Backend) {
	t.Helper()
	all := map[string]*backend.Backend{}
	pool := &backend.Pool{Picker: &backend.RoundRobin{}, Added: func(b *backend.Backend) { all[b.Name()] = b }}
	b := ops.NewBoard(pool)
	pool.Observe = b.Changed
	specs, err := backend.Parse([]byte("defaults: {health: {healthy: 1, unhealthy: 1}}\nbackends: [{name: a, url: http://a:1, version: v1}, {name: b, url: http://b:1}]"))
	require.NoError(t, err)
	pool.Apply(specs)
	pool.Checked(all["a"], backend.Check{At: time.Now(), OK: true, What: "200"})
	pool.Checked(all["b"], backend.Check{At: time.Now(), What: "404, wanted 200"})
	return b, all
}

func get(h http.Handler, path string) (int, string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	return w.Code, w.Body.String()
}

func TestReadyWhileABackendIsInService(t *testing.T) {
	t.Parallel()
	b, all := newBoard(t)
	code, body := get(b.Handler(), "/readyz")
	require.Equal(t, 200, code)
	require.JSONEq(t, `{"ready":true,"state":"serving"}`, body)
	b.Pool.Checked(all["a"], backend.Check{At: time.Now(), What: "connection refused"})
	code, body = get(b.Handler(), "/readyz")
	require.Equal(t, 503, code)
	require.Contains(t, body, "no backend is healthy")
	code, body = get(b.Handler(), "/healthz")
	require.Equal(t, 200, code, "it is not ill itself")
	var h struct {
		OK       bool
		Backends map[string]struct {
			OK     bool
			Detail string
		}
	}
	require.NoError(t, json.Unmarshal([]byte(body), &h))
	require.False(t, h.OK)
	require.Equal(t, "connection refused", h.Backends["a"].Detail)
	require.Equal(t, "404, wanted 200", h.Backends["b"].Detail)
	b.Pool.Checked(all["a"], backend.Check{At: time.Now(), OK: true, What: "200"})
	b.Stopping()
	code, body = get(b.Handler(), "/readyz")
	require.Equal(t, 503, code)
	require.Contains(t, body, "stopping")
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	b, all := newBoard(t)
	all["a"].Counts().Answers[2].Add(7)
	b.Retried("made")
	b.Failed("busy")
	b.Reloaded(errors.New("no"))
	in := b.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, body := get(b.Handler(), "/metrics")
		require.Contains(t, body, "proxy_active_requests 1\n")
		switch r.URL.Path {
		case "/429":
			w.WriteHeader(429)
		case "/odd":
			w.WriteHeader(999)
		case "/abort":
			panic(http.ErrAbortHandler)
		case "/hints":
			w.WriteHeader(103)
			w.WriteHeader(204)
		}
	}))
	get(in, "/")
	get(in, "/429")
	get(in, "/odd")
	get(in, "/hints")
	require.Panics(t, func() { get(in, "/abort") })
	_, body := get(b.Handler(), "/metrics")
	for _, want := range []string{
		`proxy_requests_total{class="2xx"} 2`, `proxy_requests_total{class="4xx"} 1`, `proxy_requests_total{class="5xx"} 1`,
		`proxy_requests_total{class="none"} 1`, `proxy_requests_total{class="1xx"} 0`, `proxy_request_seconds_count 5`,
		`proxy_active_requests 0`, `proxy_requests_per_minute 5`, `proxy_queued_requests 0`, `proxy_capacity_requests 100`,
		`proxy_backend_state{backend="a",state="healthy"} 1`, `proxy_backend_state{backend="b",state="healthy"} 0`,
		`proxy_backend_info{backend="b",reason="404, wanted 200",state="unhealthy",url="http://b:1",version=""} 1`,
		`proxy_backend_answers_total{backend="a",class="2xx"} 7`, `proxy_backend_active_requests{backend="a"} 0`,
		`proxy_backend_changes_total{backend="b",to="unhealthy"} 1`, `proxy_retries_total{result="made"} 1`,
		`proxy_failures_total{cause="busy"} 1`, `proxy_failures_total{cause="connect"} 0`, `proxy_reloads_total{result="failed"} 1`,
	} {
		require.Contains(t, body, want+"\n")
	}
	require.Contains(t, body, "process_cpu_seconds_total")
	require.Contains(t, body, "process_resident_memory_bytes")
	for line := range strings.SplitSeq(body, "\n") {
		if name, ok := strings.CutPrefix(line, "# TYPE "); ok {
			require.Contains(t, body, "# HELP "+strings.Fields(name)[0]+" ")
		}
	}
}

func TestEachRequestHasAnID(t *testing.T) {
	t.Parallel()
	b, _ := newBoard(t)
	var out bytes.Buffer
	b.AccessLog = slog.New(slog.NewJSONHandler(&out, nil))
	var passed string
	h := b.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		passed = r.Header.Get("X-Request-Id")
		w.Header().Set("X-Served-By", "a")
		_, _ = w.Write([]byte("hello"))
	}))
	for given, kept := range map[string]bool{"": false, "abc-1": true, "two words": false, "a\nb": false, strings.Repeat("x", 200): false} {
		out.Reset()
		r := httptest.NewRequest("GET", "/path?q=secret", nil)
		if given != "" {
			r.Header.Set("X-Request-Id", given)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		require.Equal(t, kept, passed == given, given)
		require.NotEmpty(t, passed)
		require.Equal(t, passed, w.Header().Get("X-Request-Id"))
		var line map[string]any
		require.NoError(t, json.Unmarshal(out.Bytes(), &line))
		require.Equal(t, passed, line["id"])
		require.Equal(t, "a", line["backend"])
		require.EqualValues(t, 200, line["status"])
		require.EqualValues(t, 5, line["bytes"])
		require.NotContains(t, out.String(), "secret")
	}
}
