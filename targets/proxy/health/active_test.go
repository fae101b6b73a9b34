package health_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/health"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func spec(t *testing.T, at, wanted string) *backend.Spec {
	t.Helper()
	u, err := url.Parse(at)
	require.NoError(t, err)
	codes, err := backend.ParseCodes(wanted)
	require.NoError(t, err)
	return &backend.Spec{Name: "a", URL: u, Weight: 1, MaxActive: 10, Health: backend.Health{Path: "/up?full=1",
		Codes: codes, Interval: 10 * time.Second, Timeout: 3 * time.Second, Healthy: 2, Unhealthy: 3}}
}

func TestACheckSaysWhatCame(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		wanted  string
		backend http.HandlerFunc
		ok      bool
		what    string
		detail  string
	}{
		"well":     {"200", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "fine\n") }, true, "200", "fine"},
		"range":    {"200-299", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, true, "204", ""},
		"404":      {"200,301", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no such page", 404) }, false, "404, wanted 200 or 301", "no such page"},
		"redirect": {"200", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/else", http.StatusFound) }, false, "302, wanted 200", ""},
		"cut off": {"200", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, false,
			"connection closed before the end of the answer", ""},
		"composite": {"200", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(503)
			fmt.Fprint(w, `{"disk":"ok","broker":"down"}`, strings.Repeat(" ", 1000), "x")
		}, false, "503, wanted 200", `{"disk":"ok","broker":"down"}`},
		"half": {"200", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, "half")
		}, false, "connection closed before the end of the answer", "half"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := make(chan *http.Request, 1)
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked <- r; c.backend(w, r) }))
			defer s.Close()
			got := health.Ask(t.Context(), spec(t, s.URL+"/base", c.wanted))
			require.Equal(t, c.ok, got.OK, got)
			require.Equal(t, c.what, got.What)
			if name != "redirect" {
				require.Equal(t, c.detail, got.Detail)
			}
			require.False(t, got.At.IsZero())
			r := <-asked
			require.Equal(t, "/base/up?full=1", r.RequestURI)
			require.True(t, r.Close, "a connection of its own")
		})
	}
}

// A server that answers for some hosts only (Django's ALLOWED_HOSTS) is asked by one of those.
func TestACheckNamesAHost(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "shop.example" {
			http.Error(w, "Invalid HTTP_HOST header: "+r.Host, 400)
		}
	}))
	defer s.Close()
	of := spec(t, s.URL, "200")
	c := health.Ask(t.Context(), of)
	require.Equal(t, "400, wanted 200", c.What)
	require.Equal(t, "Invalid HTTP_HOST header: "+of.URL.Host, c.Detail)
	of.Health.Host = "shop.example"
	require.True(t, health.Ask(t.Context(), of).OK)
}

func TestACheckOfWhoDoesNotAnswer(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := spec(t, "http://"+l.Addr().String(), "200")
	s.Health.Timeout = 20 * time.Millisecond
	require.Equal(t, "no answer in 20ms", health.Ask(t.Context(), s).What)
	require.NoError(t, l.Close())
	s = spec(t, "http://127.0.0.1:1", "200") // a port that was free a moment ago may be somebody else's now
	s.Health.Timeout = 10 * time.Second      // to be refused may take a busy machine longer than 20 ms, too
	require.Equal(t, "connection refused", health.Ask(t.Context(), s).What)

	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-r.Context().Done() // headers, and then nothing
	}))
	defer slow.Close()
	s = spec(t, slow.URL, "200")
	s.Health.Timeout = 20 * time.Millisecond
	require.Equal(t, "no answer in 20ms", health.Ask(t.Context(), s).What)
}

func TestACheckOverH2C(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto) }))
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	defer s.Close()
	sp := spec(t, s.URL, "200")
	sp.H2C = true
	got := health.Ask(t.Context(), sp)
	require.True(t, got.OK, got)
	require.Equal(t, "HTTP/2.0", got.Detail)
}

// The moments of out and in follow from the settings: C3.
func TestOutAndInWhenTheSettingsSay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		well := true
		set := func(v bool) { mu.Lock(); defer mu.Unlock(); well = v }
		probe := func(ctx context.Context, s *backend.Spec) backend.Check {
			mu.Lock()
			ok := well
			mu.Unlock()
			if !ok {
				time.Sleep(s.Health.Timeout)
				return backend.Check{At: time.Now(), What: "no answer in 3s"}
			}
			return backend.Check{At: time.Now(), OK: true, What: "200"}
		}
		ctx, stop := context.WithCancel(t.Context())
		var watching sync.WaitGroup
		var last backend.Change
		pool := &backend.Pool{Picker: &backend.RoundRobin{}, Observe: func(c backend.Change) { mu.Lock(); defer mu.Unlock(); last = c }}
		active := &health.Active{Pool: pool, Probe: probe}
		pool.Added = func(b *backend.Backend) { watching.Go(func() { active.Watch(ctx, b) }) }
		began := time.Now()
		pool.Put(*spec(t, "http://h:1", "200"))
		await := func(s backend.State) backend.Change {
			for {
				synctest.Wait()
				mu.Lock()
				c := last
				mu.Unlock()
				if c.To == s {
					return c
				}
				time.Sleep(time.Millisecond)
			}
		}
		require.Equal(t, 10*time.Second, await(backend.Healthy).At.Sub(began), "the first check at once, the second an interval later")

		time.Sleep(time.Millisecond) // just after a check: the worst case
		set(false)
		broke := time.Now()
		out := await(backend.Unhealthy)
		require.Equal(t, "no answer in 3s", out.Reason)
		require.Equal(t, 3*10*time.Second+3*time.Second-time.Millisecond, out.At.Sub(broke), "unhealthy × interval + timeout at most")
		set(true)
		mended := time.Now()
		require.LessOrEqual(t, await(backend.Healthy).At.Sub(mended), 2*10*time.Second, "healthy × interval at most")

		changed := spec(t, "http://h:1", "200")
		changed.Health.Unhealthy = 1
		set(false)
		now := time.Now()
		pool.Put(*changed)
		require.Equal(t, 3*time.Second, await(backend.Unhealthy).At.Sub(now), "new rules hold at once")
		stop()
		watching.Wait()
	})
}

func TestWatchingEndsWhenTheBackendLeaves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pool := &backend.Pool{Picker: &backend.RoundRobin{}}
		probe := func(context.Context, *backend.Spec) backend.Check { return backend.Check{At: time.Now()} }
		ended := make(chan struct{})
		pool.Added = func(b *backend.Backend) {
			go func() { (&health.Active{Pool: pool, Probe: probe, Jitter: 0.1}).Watch(t.Context(), b); close(ended) }()
		}
		pool.Put(*spec(t, "http://h:1", "200"))
		synctest.Wait()
		require.NoError(t, pool.Remove("a", "asked", 0, false))
		<-ended
	})
}

func TestAResultByOldRulesDoesNotCount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var changes []backend.Change
		pool := &backend.Pool{Picker: &backend.RoundRobin{}, Observe: func(c backend.Change) { changes = append(changes, c) }}
		old, wanted := spec(t, "http://h:1", "200"), spec(t, "http://h:1", "404")
		old.Health.Unhealthy, wanted.Health.Unhealthy, wanted.Health.Healthy = 1, 1, 1
		probe := func(_ context.Context, s *backend.Spec) backend.Check {
			if s.Health.Codes.Has(200) {
				pool.Put(*wanted) // while the answer is under way
			}
			return backend.Check{At: time.Now(), OK: s.Health.Codes.Has(404), What: "404"}
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		pool.Added = func(b *backend.Backend) {
			go func() { (&health.Active{Pool: pool, Probe: probe}).Watch(ctx, b); close(ended) }()
		}
		pool.Put(*old)
		synctest.Wait()
		require.Len(t, changes, 2)
		require.Equal(t, backend.Healthy, changes[1].To, "and the next check comes at once")
		stop()
		<-ended
	})
}
