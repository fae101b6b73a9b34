package cache

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func yes() bool { return true }

func made(resource, key string, size int64) *entry {
	return &entry{Answer: Answer{Header: http.Header{}}, resource: resource, key: key, size: size}
}

// slow is a store that keeps everything in a slice, latest used last.
type slow struct{ entries []*entry }

func (m *slow) keep(which func(*entry) bool) {
	m.entries = slices.DeleteFunc(m.entries, func(e *entry) bool { return !which(e) })
}

func (m *slow) pick(t *rapid.T) *entry {
	if len(m.entries) == 0 {
		return nil
	}
	return rapid.SampledFrom(m.entries).Draw(t, "which")
}

func (m *slow) agrees(t *rapid.T, s *store) {
	require.Equal(t, used(m.entries), s.used)
	var all []*entry
	for e := s.oldest; e != nil; e = e.newer {
		all = append(all, e)
	}
	require.True(t, slices.Equal(m.entries, all))
	n := 0
	for _, entries := range s.resources {
		require.NotEmpty(t, entries)
		n += len(entries)
	}
	require.Equal(t, len(m.entries), n)
}

func TestStore(t *testing.T) {
	t.Parallel()
	const limit = 1000
	rapid.Check(t, func(t *rapid.T) {
		var s store
		var m slow
		name := rapid.Custom(func(t *rapid.T) string { return fmt.Sprint(rapid.IntRange(0, 5).Draw(t, "n")) })
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) { m.agrees(t, &s) },
			"put": func(t *rapid.T) {
				e := made(name.Draw(t, "resource"), name.Draw(t, "key"), int64(rapid.IntRange(1, 400).Draw(t, "size")))
				_, ok := s.put(e, limit, yes)
				require.True(t, ok)
				m.keep(func(o *entry) bool { return o.resource != e.resource || o.key != e.key })
				for m.entries = append(m.entries, e); used(m.entries) > limit; {
					m.entries = m.entries[1:]
				}
			},
			"touch": func(t *rapid.T) {
				if e := m.pick(t); e != nil {
					s.touch(e)
					m.keep(func(o *entry) bool { return o != e })
					m.entries = append(m.entries, e)
				}
			},
			"forget": func(t *rapid.T) {
				resource := name.Draw(t, "resource")
				s.forget(resource)
				m.keep(func(o *entry) bool { return o.resource != resource })
			},
			"drop": func(t *rapid.T) {
				if e := m.pick(t); e != nil {
					s.drop(e)
					s.touch(e) // of one that has gone
					m.keep(func(o *entry) bool { return o != e })
				}
			},
		})
	})
}

func used(entries []*entry) (n int64) {
	for _, e := range entries {
		n += e.size
	}
	return n
}

func TestVariantsAreBounded(t *testing.T) {
	t.Parallel()
	var s store
	for i := range 3 * variants {
		s.put(made("/", fmt.Sprint(i), 1), 1<<20, yes)
	}
	require.Len(t, s.all([]byte("/")), variants)
	require.Equal(t, fmt.Sprint(3*variants-1), s.all([]byte("/"))[0].key)
	require.EqualValues(t, variants, s.used)
}

func TestNothingLargerThanTheStore(t *testing.T) {
	t.Parallel()
	var s store
	dropped, ok := s.put(made("/", "", 100), 10, yes)
	require.True(t, ok)
	require.Equal(t, 1, dropped)
	require.Zero(t, s.used)
	_, ok = s.put(made("/", "", 1), 10, func() bool { return false })
	require.False(t, ok)
	require.Zero(t, s.used)
}

// The limit is one of memory: what is counted is not much less than what is used. It runs alone, as it looks at the
// memory of the whole process.
func TestWhatIsCounted(t *testing.T) {
	heap := func() int64 {
		var m runtime.MemStats
		for range 3 { // what is in pools takes two
			runtime.GC()
		}
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	const pages = 2000
	for _, headers := range []int{0, 5, 10, 40} {
		for _, size := range []int{0, 1000, 10_000} {
			h := &Cache{Next: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Cache-Control", "max-age=3600")
				for i := range headers {
					w.Header().Set(fmt.Sprint("X-Header-", i), fmt.Sprint("some value ", i))
				}
				_, _ = w.Write(make([]byte, size))
			})}
			ask := func(page int) {
				h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", fmt.Sprint("/", page), nil))
			}
			ask(0)
			before, counted := heap(), h.Used()
			for page := range pages {
				ask(page + 1)
			}
			used := heap() - before
			counted = h.Used() - counted
			require.EqualValues(t, pages+1, h.Stored.Load())
			require.Zero(t, h.Dropped.Load())
			require.Greater(t, float64(counted), 0.85*float64(used), "%d headers, %d bytes: %d used a page", headers, size, used/pages)
			require.Less(t, float64(counted), 1.6*float64(used), "%d headers, %d bytes: %d used a page", headers, size, used/pages)
			runtime.KeepAlive(h)
		}
	}
}
