package sweep

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestPlanDefaults(t *testing.T) {
	t.Parallel()
	p, err := Plan{Counts: []int{4, 1, 2}}.Complete()
	require.NoError(t, err)
	require.Equal(t, Plan{Counts: []int{1, 2, 4}, Rounds: 4, Path: "/", Clients: 16, Warm: time.Second, Window: 3 * time.Second, Share: 0.9}, p)
	require.Equal(t, 12*7*time.Second, p.Length())
	again, err := p.Complete()
	require.NoError(t, err)
	require.Equal(t, p, again)
}

func TestPlanErrors(t *testing.T) {
	t.Parallel()
	some := []int{1, 2, 4}
	for want, p := range map[string]Plan{
		"workers: missing":           {},
		"workers: [0 1], want 1 to":  {Counts: []int{1, 0}},
		"workers: [1 300]":           {Counts: []int{1, 300}},
		"want each once":             {Counts: []int{1, 2, 1}},
		"rounds: -1":                 {Counts: some, Rounds: -1},
		"rounds: 101":                {Counts: some, Rounds: 101},
		`path: "items"`:              {Counts: some, Path: "items"},
		"clients: 7, want 8":         {Counts: some, Clients: 7},
		"clients: 5000":              {Counts: some, Clients: 5000},
		"warm, window: -1s and 3s":   {Counts: some, Warm: -time.Second},
		"warm, window: 1s and 1ms":   {Counts: some, Window: time.Millisecond},
		"share: 1, want above 0":     {Counts: some, Share: 1},
		"share: -0.1, want above 0,": {Counts: some, Share: -0.1},
	} {
		_, err := p.Complete()
		require.ErrorContains(t, err, want)
	}
}

// Each number is measured once a round, and the same seed gives the same order.
func TestPasses(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := Plan{Counts: rapid.SliceOfNDistinct(rapid.IntRange(1, 256), 1, 12, rapid.ID).Draw(t, "counts"), Rounds: rapid.IntRange(1, 6).Draw(t, "rounds")}
		p, err := p.Complete()
		require.NoError(t, err)
		seed := rapid.Uint64().Draw(t, "seed")
		passes := p.Passes(seed)
		require.Equal(t, passes, p.Passes(seed))
		require.Len(t, passes, p.Rounds*len(p.Counts))
		for round, of := range slices.Collect(slices.Chunk(passes, len(p.Counts))) {
			var counts []int
			for _, pass := range of {
				require.Equal(t, round, pass.Round)
				counts = append(counts, pass.Workers)
			}
			require.ElementsMatch(t, p.Counts, counts)
		}
	})
	p, err := Plan{Counts: []int{1, 2, 3, 4, 5, 6}, Rounds: 3}.Complete()
	require.NoError(t, err)
	require.NotEqual(t, p.Passes(1), p.Passes(2), "the order is the seed's")
	first, second := p.Passes(1)[:6], p.Passes(1)[6:12]
	require.False(t, slices.EqualFunc(first, second, func(a, b Pass) bool { return a.Workers == b.Workers }), "each round has an order of its own")
}

// site serves what h says, and tells the ids that it saw.
func site(t *testing.T, h http.HandlerFunc) (url string, ids func() []string) {
	var mu sync.Mutex
	var seen []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen = append(seen, r.Header.Get("X-Request-Id"))
		mu.Unlock()
		h(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(seen)
	}
}

func TestMeasure(t *testing.T) {
	t.Parallel()
	const each = 5 * time.Millisecond
	url, ids := site(t, func(w http.ResponseWriter, r *http.Request) { time.Sleep(each) })
	l := Load{URL: url, ID: "x", Clients: 4, Warm: 50 * time.Millisecond, Window: 2 * time.Second}
	p, err := l.Measure(t.Context())
	require.NoError(t, err)
	require.Positive(t, p.Good)
	require.LessOrEqual(t, p.Good, int64(l.Clients)*int64(l.Window/each+1), "a client waits for its answer")
	require.LessOrEqual(t, p.First, p.Good)
	require.GreaterOrEqual(t, p.P50, each*98/100)
	require.GreaterOrEqual(t, p.P99, p.P50)
	require.Zero(t, p.Bad+p.None, p.Why)
	require.Equal(t, l.Window, p.Window)
	require.Greater(t, p.CPU, 0.0)
	require.LessOrEqual(t, p.CPU, 1.1)
	seen := ids()
	require.Greater(t, int64(len(seen)), p.Good, "what the load did before the window does not count")
	slices.Sort(seen)
	require.Len(t, slices.Compact(seen), len(ids()), "each request has an id of its own")
}

func TestMeasureTellsBadAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		serve     http.HandlerFunc
		good, bad bool
		none      bool
		why       string
	}{
		{"redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, true, false, false, ""},
		{"error", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", http.StatusServiceUnavailable) }, false, true, false, "status 503"},
		{"cut", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, false, false, true, "EOF"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			url, _ := site(t, c.serve)
			p, err := Load{URL: url, Clients: 2, Window: 2 * time.Second}.Measure(t.Context())
			require.NoError(t, err)
			require.Equal(t, []bool{c.good, c.bad, c.none}, []bool{p.Good > 0, p.Bad > 0, p.None > 0}, "%+v", p)
			require.Contains(t, p.Why, c.why)
		})
	}
}

func TestMeasureEndsWithItsContext(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{}, 100)
	url, _ := site(t, func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	_, err := Load{URL: url, Clients: 3, Window: time.Hour}.Measure(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

func TestCeiling(t *testing.T) {
	t.Parallel()
	n, err := Ceiling(t.Context(), 8)
	require.NoError(t, err)
	require.Positive(t, n)
}
