package forward_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/forward"
)

// Each request meets a backend that fails first and, where that is safe, one that does not: counted at
// the backends.
func TestAnotherBackendIsTriedOnlyWhereThatIsSafe(t *testing.T) {
	t.Parallel()
	answered := func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(503); _, _ = io.Copy(io.Discard, r.Body) }
	small, large := strings.Repeat("x", 1000), strings.Repeat("x", 3000)
	for name, c := range map[string]struct {
		first        http.HandlerFunc // nil: it refuses connections
		method, body string
		chunked      bool
		again        bool
	}{
		"get, broken":            {broken, "GET", "", false, true},
		"get, 503":               {answered, "GET", "", false, true},
		"get, 500":               {status(500), "GET", "", false, false},
		"get, 404":               {status(404), "GET", "", false, false},
		"get, refused":           {nil, "GET", "", false, true},
		"head, broken":           {broken, "HEAD", "", false, true},
		"delete, broken":         {broken, "DELETE", "", false, true},
		"put, small, broken":     {broken, "PUT", small, false, true},
		"put, small, 503":        {answered, "PUT", small, false, true},
		"put, large, broken":     {broken, "PUT", large, false, false},
		"put, large, refused":    {nil, "PUT", large, false, true},
		"put, chunked, broken":   {broken, "PUT", small, true, false},
		"post, broken":           {broken, "POST", "", false, false},
		"post, body, broken":     {broken, "POST", small, false, false},
		"post, 503":              {answered, "POST", small, false, false},
		"post, refused":          {nil, "POST", small, false, true},
		"post, chunked, refused": {nil, "POST", large, true, true},
		"patch, broken":          {broken, "PATCH", small, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var l *lab
			if c.first == nil {
				l = newLab(t)
				l.add(t, "a", refusing(t))
			} else {
				l = newLab(t, c.first)
			}
			second := newLab(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				fmt.Fprintf(w, "%s %d", r.Method, len(body))
			})
			l.add(t, "z", second.all["a"].Spec().URL.String())
			var body io.Reader
			if c.body != "" {
				if body = strings.NewReader(c.body); c.chunked {
					body = io.MultiReader(body)
				}
			}
			res, text := l.do(t, c.method, "/", body, "Idempotency-Key", "k")
			if c.first != nil {
				require.EqualValues(t, 1, l.hits["a"].Load(), "the first one had it once")
			}
			if !c.again {
				require.Zero(t, second.hits["a"].Load())
				require.Equal(t, "a", res.Header.Get("X-Served-By"))
				return
			}
			require.EqualValues(t, 1, second.hits["a"].Load())
			require.Equal(t, 200, res.StatusCode)
			require.Equal(t, "z", res.Header.Get("X-Served-By"))
			if c.method != "HEAD" {
				require.Equal(t, fmt.Sprintf("%s %d", c.method, len(c.body)), text, "the whole body, again")
			}
			require.Equal(t, []string{"retried made"}, l.told())
		})
	}
}

func TestTheLastAnswerStandsWhenNobodyIsLeft(t *testing.T) {
	t.Parallel()
	busy := func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Retry-After", "7"); w.WriteHeader(503) }
	l := newLab(t, busy, busy)
	res, _ := l.do(t, "GET", "/", nil)
	require.Equal(t, 503, res.StatusCode)
	require.Equal(t, "7", res.Header.Get("Retry-After"), "the backend's own")
	require.EqualValues(t, 1, l.hits["a"].Load())
	require.EqualValues(t, 1, l.hits["b"].Load())
}

func TestNoBackendIsTriedAgainAfterItHadItsTime(t *testing.T) {
	t.Parallel()
	l := newLab(t, hang, ok)
	l.Limits.FirstByte = 30 * time.Millisecond
	res, _ := l.do(t, "GET", "/", nil)
	require.Equal(t, 504, res.StatusCode)
	require.Zero(t, l.hits["b"].Load())
}

// An outage of everything must not multiply the load: D5.
func TestTheBudgetHoldsAStormBack(t *testing.T) {
	t.Parallel()
	l := newLab(t, status(503), status(503), status(503))
	l.Retry.Budget = forward.NewShare(0.2, 1)
	const users, each = 10, 50
	var clients sync.WaitGroup
	for range users {
		clients.Go(func() {
			for range each {
				res, err := l.front.Client().Get(l.front.URL)
				if err == nil {
					_ = res.Body.Close()
				}
			}
		})
	}
	clients.Wait()
	hits := l.hits["a"].Load() + l.hits["b"].Load() + l.hits["c"].Load()
	require.GreaterOrEqual(t, hits, int64(users*each))
	require.LessOrEqual(t, hits, int64(users*each*1.2)+10+users, "a fifth more, one a second, and a few in the same moment")
	require.Contains(t, l.told(), "retried over budget")
}

func TestShare(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	s := forward.NewShare(0.2, 1)
	took := func() (n int) {
		for s.Take(now) {
			n++
		}
		return n
	}
	require.Equal(t, 10, took(), "one a second for ten seconds, without any request")
	for range 100 {
		s.Request(now)
	}
	require.Equal(t, 20, took())
	now = now.Add(9 * time.Second)
	require.Zero(t, took())
	now = now.Add(time.Second)
	require.Equal(t, 10, took(), "both are forgotten after ten seconds")
	require.False(t, forward.NewShare(0, 0).Take(now))
}

func TestSafe(t *testing.T) {
	t.Parallel()
	for method, idempotent := range map[string]bool{"GET": true, "HEAD": true, "OPTIONS": true, "TRACE": true, "PUT": true,
		"DELETE": true, "POST": false, "PATCH": false, "CONNECT": false, "get": false, "LOCK": false} {
		require.Equal(t, idempotent, forward.Safe(forward.Trial{Method: method, Replayed: true}), method)
		require.True(t, forward.Safe(forward.Trial{Method: method, NotSent: true, Replayed: true}), method)
		require.False(t, forward.Safe(forward.Trial{Method: method, NotSent: true}), method)
		require.False(t, forward.Safe(forward.Trial{Method: method, Replayed: true, TooLate: true}), method)
	}
}

// A kept connection that the backend has closed is no reason to send a POST twice, whatever the client
// says of it.
func TestTheTransportSendsNoPostTwice(t *testing.T) {
	t.Parallel()
	first := make(chan bool, 1)
	l := newLab(t, func(w http.ResponseWriter, r *http.Request) {
		select {
		case first <- true:
			fmt.Fprint(w, "ok") // and keeps the connection
		default:
			broken(w, r)
		}
	})
	res, _ := l.do(t, "POST", "/", nil, "Idempotency-Key", "k", "X-Idempotency-Key", "k")
	require.Equal(t, 200, res.StatusCode)
	res, _ = l.do(t, "POST", "/", nil, "Idempotency-Key", "k", "X-Idempotency-Key", "k")
	require.Equal(t, 502, res.StatusCode)
	require.EqualValues(t, 2, l.hits["a"].Load())
}

func TestAttemptsAreCounted(t *testing.T) {
	t.Parallel()
	l := newLab(t, broken, broken, broken, broken)
	l.Retry.Attempts = 2
	res, _ := l.do(t, "GET", "/", nil)
	require.Equal(t, 502, res.StatusCode)
	var hits int64
	for _, h := range l.hits {
		hits += h.Load()
	}
	require.EqualValues(t, 3, hits)
	for _, s := range l.Pool.List() {
		require.Zero(t, s.Active)
		require.Equal(t, backend.Healthy, s.State)
	}
}
