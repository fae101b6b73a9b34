package cache_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/cache"
)

func TestChangesForget(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method, path string
		headers      []string
		status       int
		kept         bool
	}{
		"POST":               {"POST", "/a", nil, 200, false},
		"DELETE":             {"DELETE", "/a", nil, 204, false},
		"of its own":         {"MKCOL", "/a", nil, 201, false},
		"Location":           {"POST", "/", []string{"Location: /a"}, 201, false},
		"whole Location":     {"POST", "/", []string{"Location: http://example.com/a"}, 303, false},
		"Content-Location":   {"PUT", "/b/c", []string{"Content-Location: ../a"}, 200, false},
		"somewhere else":     {"POST", "/b", nil, 200, true},
		"Location elsewhere": {"POST", "/", []string{"Location: http://other.example/a"}, 201, true},
		"refused":            {"POST", "/a", nil, 403, true},
		"failed":             {"POST", "/a", nil, 500, true},
		"OPTIONS":            {"OPTIONS", "/a", nil, 200, true},
		"HEAD":               {"HEAD", "/a", nil, 200, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &backend{}
			h := &cache.Cache{Next: b}
			b.set("one", "Cache-Control: max-age=60", "Vary: X")
			get(h, "/a")
			get(h, "/a", "X: 1")
			b.status = c.status
			b.set("", c.headers...)
			get(h, c.path, c.method)
			for _, header := range []string{"X: ", "X: 1"} {
				want := "pass"
				if c.kept {
					want = "hit"
				}
				if header == "X: " {
					require.Equal(t, want, how(get(h, "/a")))
				} else {
					require.Equal(t, want, how(get(h, "/a", header)))
				}
			}
		})
	}
}

// An answer from before a change must not be stored after it.
func TestAnswerFromBeforeTheChangeIsNotStored(t *testing.T) {
	t.Parallel()
	b := &backend{}
	h := &cache.Cache{Next: b}
	b.answer = func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		if r.Method == "GET" {
			_, _ = io.WriteString(w, "old")
			get(h, "/", "PUT") // before the answer has ended
		}
	}
	require.Equal(t, "old", get(h, "/").Body.String())
	require.Zero(t, h.Used())
}

// The change is made when its answer begins: nobody gets what was before it for as long as that answer takes to reach
// its client.
func TestAChangeIsSeenBeforeItsAnswerHasEnded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status    int // 0: none is said
		at, where string
		kept      bool
	}{
		"good":         {200, "/a", "", false},
		"not said":     {0, "/a", "", false},
		"see there":    {303, "/b", "/a", false},
		"refused":      {409, "/a", "", true},
		"failed":       {500, "/a", "", true},
		"other's page": {200, "/b", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page := "old"
			b := &backend{}
			h := &cache.Cache{Next: b}
			b.answer = func(w http.ResponseWriter, r *http.Request) {
				if r.Method == "GET" {
					says("max-age=60", page)(w, r)
					return
				}
				page = "new"
				if c.where != "" {
					w.Header().Set("Location", c.where)
				}
				if c.status > 0 {
					w.WriteHeader(c.status)
				}
				_, _ = io.WriteString(w, "the begin")
				want := "new"
				if c.kept {
					want = "old"
				}
				require.Equal(t, want, get(h, "/a").Body.String())
				_, _ = io.WriteString(w, "and the end")
			}
			require.Equal(t, "old", get(h, "/a").Body.String())
			w := get(h, c.at, "POST")
			require.Equal(t, max(200, c.status), w.Code)
			require.Equal(t, "the beginand the end", w.Body.String())
		})
	}
}

// A change whose answer never came may have been made.
func TestAChangeWithoutAnAnswerForgets(t *testing.T) {
	t.Parallel()
	b := &backend{answer: says("max-age=60", "old")}
	h := &cache.Cache{Next: b}
	get(h, "/")
	b.answer = func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	require.PanicsWithValue(t, http.ErrAbortHandler, func() { get(h, "/", "POST") })
	b.answer = says("max-age=60", "new")
	require.Equal(t, "new", get(h, "/").Body.String())
}
