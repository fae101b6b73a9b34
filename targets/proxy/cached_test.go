package proxy_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/settings"
)

// whole is all that a request goes through, from the guard to the backend, without the sockets of clients. The backend
// is healthy.
func whole(t *testing.T, h http.HandlerFunc, flags ...string) http.Handler {
	t.Helper()
	path := filepath.Join(t.TempDir(), "backends.yaml")
	require.NoError(t, os.WriteFile(path, []byte(file(newServer(t, h))), 0o600))
	s, err := settings.Parse(append(flags, "-backends-file", path), func(string) (string, bool) { return "", false }, io.Discard)
	require.NoError(t, err)
	p := proxy.New(s, slog.New(slog.DiscardHandler))
	var a *backend.Backend
	p.Pool.Added = func(b *backend.Backend) { a = b }
	t.Cleanup(p.Pool.Close)
	_, err = p.Reload()
	require.NoError(t, err)
	for range 2 { // as many as it needs
		p.Pool.Checked(a, backend.Check{At: time.Now(), OK: true, What: "200"})
	}
	return p.Handler()
}

// from has a client at an address ask for a path, with headers, "Name: value" each.
func from(h http.Handler, address, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", path, nil)
	r.RemoteAddr = address + ":1"
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// The answer depends on what the backend gets, and that is not all that the client has sent: what Connection names ends
// here. Whoever has it named must not have others served with what was made without it.
func TestAFieldThatEndsHereIsNotInTheAnswer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		field, value string
		shared       bool
		connection   []string
	}{
		"a field of Vary":       {"Origin", "https://app.example", false, []string{"Connection: Origin"}},
		"among others":          {"Origin", "https://app.example", false, []string{"Connection: keep-alive", "Connection: close, origin"}},
		"a field of the key":    {"X-Forwarded-Proto", "https", false, []string{"Connection: X-Forwarded-Proto"}},
		"nothing":               {"Origin", "https://app.example", true, nil},
		"the connection":        {"Origin", "https://app.example", true, []string{"Connection: Keep-Alive, close"}},
		"what ends in any case": {"Origin", "https://app.example", true, []string{"Connection: upgrade, TE,"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := whole(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Cache-Control", "max-age=3600")
				w.Header().Set("Vary", "Origin")
				fmt.Fprint(w, r.Header.Get(c.field))
			}, "-trust-forwarded", "true")
			field := c.field + ": " + c.value
			first := from(h, "192.0.2.1", "/", append(c.connection, field)...)
			require.Equal(t, 200, first.Code)
			second := from(h, "192.0.2.2", "/", field)
			require.Equal(t, c.value, second.Body.String(), "it is what the backend says to this client")
			require.Equal(t, c.shared, second.Header().Get("X-Cache") == "hit")
		})
	}
}

// A stored answer is its head and its body. What brought it, which is many times as much, goes with its request.
func TestWhatIsStoredKeepsNoRequest(t *testing.T) {
	t.Parallel()
	for name, control := range map[string]string{"stored": "max-age=3600", "confirmed": "max-age=0"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := whole(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Cache-Control", control)
				w.Header().Set("ETag", `"1"`)
				if r.Header.Get("If-None-Match") != "" {
					w.WriteHeader(http.StatusNotModified)
				}
			}, "-served-by", "true")
			const pages = 50
			var gone atomic.Int64
			ask := func(page int, want string) {
				type load [1 << 10]byte
				mine := new(load) // reachable from the request and all that is made of it
				runtime.AddCleanup(mine, func(*atomic.Int64) { gone.Add(1) }, &gone)
				r := httptest.NewRequest("GET", fmt.Sprint("/", page), nil)
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r.WithContext(context.WithValue(t.Context(), load{}, mine)))
				require.Equal(t, want, w.Header().Get("X-Cache"))
				require.Equal(t, "a", w.Header().Get("X-Served-By"))
			}
			asked := 0
			for page := range pages {
				ask(page, "miss")
				asked++
				if name == "confirmed" {
					ask(page, "revalidated")
					asked++
				}
			}
			require.Eventually(t, func() bool { runtime.GC(); return int(gone.Load()) >= asked }, within, 10*time.Millisecond,
				"of %d requests some are kept", asked)
			runtime.KeepAlive(h)
		})
	}
}

// What the proxy itself adds to a request is not in the key: an answer that depends on it is for this client alone.
func TestAnAnswerThatDependsOnWhatIsAddedIsNotShared(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		vary   string
		shared bool
	}{
		"the client's address":  {"X-Forwarded-For", false},
		"among others":          {"Accept, x-forwarded-for", false},
		"its standard name":     {"Forwarded", false},
		"its other name":        {"X-Real-IP", false},
		"the way here":          {"Via", false},
		"what the key has":      {"X-Forwarded-Proto, X-Forwarded-Host, Host", true},
		"what the client sends": {"Accept", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := whole(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Cache-Control", "max-age=3600")
				w.Header().Set("Vary", c.vary)
				fmt.Fprint(w, r.Header.Get("X-Forwarded-For"))
			})
			first := from(h, "192.0.2.1", "/", "Accept: */*")
			require.Equal(t, "192.0.2.1", first.Body.String())
			second := from(h, "192.0.2.2", "/", "Accept: */*")
			require.Equal(t, c.shared, second.Header().Get("X-Cache") == "hit")
			require.Equal(t, c.shared, second.Body.String() == "192.0.2.1", second.Body.String())
		})
	}
}
