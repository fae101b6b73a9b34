package cache_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/cache"
)

// Whoever changes the headers of an answer that came from the cache changes nobody else's.
func TestHeadersAreNotShared(t *testing.T) {
	t.Parallel()
	b := &backend{}
	b.set("hello", "Cache-Control: max-age=60", "X-A: 1", "X-A: 2", "X-A: 3")
	h := &cache.Cache{Next: b}
	get(h, "/")
	first := get(h, "/")
	first.Header().Add("X-A", "4")
	first.Header().Add("X-Cache", "4")
	second, third := get(h, "/"), get(h, "/")
	second.Header().Add("X-A", "5")
	third.Header().Add("X-A", "6")
	require.Equal(t, []string{"1", "2", "3", "5"}, second.Header()["X-A"])
	require.Equal(t, []string{"hit"}, second.Header()["X-Cache"])
}

// A client that does not take what is stored has a time limit, too, and must not take a part for the whole.
func TestStoredAnswerHasATimeLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &backend{}
		b.set(strings.Repeat("x", 200<<10), "Cache-Control: max-age=60")
		h := &cache.Cache{Next: b, Stall: 5 * time.Second}
		get(h, "/")
		w := &limited{ResponseRecorder: httptest.NewRecorder(), each: time.Second}
		h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		require.Equal(t, 200<<10, w.Body.Len())
		require.Equal(t, []time.Duration{5 * time.Second, 5 * time.Second, 5 * time.Second, 5 * time.Second}, w.limits, "one for each 64 KB")
		w = &limited{ResponseRecorder: httptest.NewRecorder(), each: time.Second, fails: true}
		require.PanicsWithValue(t, http.ErrAbortHandler, func() { h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil)) })
	})
}

// limited is a client that takes a while for each write, and notes the limits.
type limited struct {
	*httptest.ResponseRecorder
	each   time.Duration
	limits []time.Duration
	fails  bool
}

func (l *limited) SetWriteDeadline(at time.Time) error {
	l.limits = append(l.limits, time.Until(at))
	return nil
}

func (l *limited) Write(p []byte) (int, error) {
	time.Sleep(l.each)
	if l.fails {
		return 0, errors.New("too slow")
	}
	return l.ResponseRecorder.Write(p)
}

// What is used stays, what is not goes first.
func TestLatestUsedStay(t *testing.T) {
	t.Parallel()
	const limit = 7500 // three of them
	b := &backend{}
	b.set(strings.Repeat("x", 1000), "Cache-Control: max-age=60")
	h := &cache.Cache{Next: b, Bytes: limit}
	for _, path := range []string{"/1", "/2", "/1", "/3", "/1", "/4"} {
		get(h, path)
	}
	require.LessOrEqual(t, h.Used(), int64(limit))
	require.EqualValues(t, 4, h.Stored.Load())
	require.EqualValues(t, 1, h.Dropped.Load())
	require.Equal(t, "hit", how(get(h, "/1")))
	require.Equal(t, "miss", how(get(h, "/2")))
	get(h, "/"+strings.Repeat("x", 5000))
	require.Zero(t, h.Used(), "names count, too")
}

func TestAgeOfWhatTookLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &backend{answer: after(10*time.Second, says("max-age=60", "hello"))}
		h := &cache.Cache{Next: b}
		get(h, "/")
		require.Equal(t, "10", get(h, "/").Header().Get("Age"), "it may be from when it was asked for")
		time.Sleep(50 * time.Second)
		require.Equal(t, "miss", how(get(h, "/")))
	})
}

// An age that came with the answer is that answer's, and not that of the 304 which confirms it.
func TestAgeAfterRevalidation(t *testing.T) {
	t.Parallel()
	b := &backend{}
	b.set("hello", "Cache-Control: max-age=60", `ETag: "1"`, "Age: 100")
	h := &cache.Cache{Next: b}
	get(h, "/")
	b.set("", "Cache-Control: max-age=60", `ETag: "1"`)
	require.Equal(t, "revalidated", how(get(h, "/")))
	w := get(h, "/")
	require.Equal(t, "hit", how(w))
	require.Equal(t, "0", w.Header().Get("Age"))
}

func TestTLSIsAnotherWay(t *testing.T) {
	t.Parallel()
	b := &backend{}
	b.set("hello", "Cache-Control: max-age=60")
	h := &cache.Cache{Next: b}
	get(h, "/")
	r := httptest.NewRequest("GET", "/", nil)
	r.TLS = new(tls.ConnectionState)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	require.Equal(t, "miss", how(w))
}

// What has no body is served from the cache, too, to clients of both versions: those of HTTP/2 must not be written to.
func TestStoredAnswerWithoutABody(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]func(*http.Protocols, bool){
		"HTTP/1": (*http.Protocols).SetHTTP1, "HTTP/2": (*http.Protocols).SetUnencryptedHTTP2,
	} {
		for _, status := range []int{204, 200, 301} {
			t.Run(fmt.Sprint(name, " ", status), func(t *testing.T) {
				t.Parallel()
				h := &cache.Cache{Next: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Cache-Control", "max-age=60")
					w.WriteHeader(status)
				})}
				server := httptest.NewUnstartedServer(h)
				server.Config.Protocols = new(http.Protocols)
				set(server.Config.Protocols, true)
				server.Start()
				defer server.Close()
				transport := &http.Transport{Protocols: server.Config.Protocols}
				defer transport.CloseIdleConnections()
				for _, want := range []string{"miss", "hit"} {
					r, err := http.NewRequestWithContext(t.Context(), "GET", server.URL, nil)
					require.NoError(t, err)
					res, err := transport.RoundTrip(r)
					require.NoError(t, err)
					body, err := io.ReadAll(res.Body)
					require.NoError(t, err)
					require.NoError(t, res.Body.Close())
					require.Empty(t, body)
					require.Equal(t, status, res.StatusCode)
					require.Equal(t, want, res.Header.Get("X-Cache"))
				}
			})
		}
	}
}
