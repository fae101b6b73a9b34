package backend_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
)

// spread counts who gets n requests that are over at once.
func spread(t *testing.T, l *lab, n int) map[string]int {
	t.Helper()
	got := map[string]int{}
	for range n {
		b, err := l.Acquire(t.Context(), nil)
		require.NoError(t, err)
		got[b.Name()]++
		b.Release()
	}
	return got
}

func weigh(w int) func(*backend.Spec) { return func(s *backend.Spec) { s.Weight = w } }

func TestRoundRobinIsFairAndSmooth(t *testing.T) {
	t.Parallel()
	l := newLab(spec("a", weigh(3)), spec("b"), spec("c", weigh(2)))
	l.ok("a", "b", "c")
	require.Equal(t, map[string]int{"a": 300, "b": 100, "c": 200}, spread(t, l, 600))
	for range 10 {
		require.Equal(t, map[string]int{"a": 3, "b": 1, "c": 2}, spread(t, l, 6), "in each round, not only in the long run")
	}
}

func TestWhoWasAwayIsNotFlooded(t *testing.T) {
	t.Parallel()
	l := newLab(spec("a"), spec("b"))
	l.ok("a")
	spread(t, l, 1000)
	l.ok("b")
	got := spread(t, l, 100)
	require.InDelta(t, 50, got["b"], 1)
}

func TestLeastActiveTakesTheIdleOne(t *testing.T) {
	t.Parallel()
	many := func(s *backend.Spec) { s.MaxActive = 100 }
	l := newLab(spec("a", many), spec("b", many), spec("c", many, weigh(4)))
	l.Picker = &backend.LeastActive{}
	l.ok("a", "b", "c")
	held := map[string]int{}
	for range 60 {
		b, err := l.Acquire(t.Context(), nil)
		require.NoError(t, err)
		held[b.Name()]++
	}
	require.Equal(t, map[string]int{"a": 10, "b": 10, "c": 40}, held)
	two := newLab(spec("a"), spec("b"))
	two.Picker = &backend.LeastActive{}
	two.ok("a", "b")
	require.Equal(t, map[string]int{"a": 50, "b": 50}, spread(t, two, 100), "equals take turns")
}

func TestPickersLeaveOutWhatWasTriedAndWhatIsFull(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]backend.Picker{"round robin": &backend.RoundRobin{}, "least active": &backend.LeastActive{}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(spec("a"), spec("b"))
			l.Picker = p
			l.ok("a", "b")
			for range 2 {
				b, err := l.Acquire(t.Context(), []*backend.Backend{l.byName["a"]})
				require.NoError(t, err)
				require.Equal(t, "b", b.Name())
			}
			_, err := l.Acquire(t.Context(), []*backend.Backend{l.byName["a"]})
			require.ErrorIs(t, err, backend.ErrBusy)
			b, err := l.Acquire(t.Context(), nil)
			require.NoError(t, err)
			require.Equal(t, "a", b.Name())
		})
	}
}

func TestSlowStartGrowsInALine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLab(spec("old"), spec("new"))
		l.Picker = &backend.RoundRobin{SlowStart: backend.SlowStart{Window: 10 * time.Second}}
		l.ok("old")
		time.Sleep(time.Minute)
		l.ok("new")
		for _, want := range []float64{0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95, 1, 1} {
			got := map[string]int{}
			for range 100 { // 100 a second
				time.Sleep(10 * time.Millisecond)
				for name, n := range spread(t, l, 1) {
					got[name] += n
				}
			}
			require.InDelta(t, want, float64(got["new"])/float64(got["old"]), 0.07, got)
		}
	})
}

func TestPickingCostsNoAllocation(t *testing.T) {
	l := newLab(spec("a"), spec("b"), spec("c"))
	l.ok("a", "b", "c")
	for _, p := range []backend.Picker{&backend.RoundRobin{SlowStart: backend.SlowStart{Window: time.Hour}}, &backend.LeastActive{}} {
		l.Picker = p
		require.Zero(t, testing.AllocsPerRun(1000, func() {
			b, err := l.Acquire(t.Context(), nil)
			if err != nil {
				t.Error(err)
				return
			}
			b.Release()
		}))
	}
}

func BenchmarkAcquire(b *testing.B) {
	l := newLab(spec("a"), spec("b"), spec("c"), spec("d"), spec("e"))
	l.ok("a", "b", "c", "d", "e")
	for name, p := range map[string]backend.Picker{"round-robin": &backend.RoundRobin{}, "least-active": &backend.LeastActive{}} {
		b.Run(name, func(b *testing.B) {
			l.Picker = p
			b.ReportAllocs()
			for b.Loop() {
				if got, err := l.Acquire(b.Context(), nil); err == nil {
					got.Release()
				}
			}
		})
	}
}

func TestSlowStartSparesWhoIsLeastActive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		many := func(s *backend.Spec) { s.MaxActive = 1000 }
		l := newLab(spec("old", many), spec("new", many))
		l.Picker = &backend.LeastActive{SlowStart: backend.SlowStart{Window: 10 * time.Second}}
		l.ok("old")
		time.Sleep(time.Minute)
		l.ok("new")
		time.Sleep(2500 * time.Millisecond) // a quarter of its share
		for range 100 {
			_, err := l.Acquire(t.Context(), nil)
			require.NoError(t, err)
		}
		require.InDelta(t, 20, l.byName["new"].Active(), 1, "one for each four of the other")
	})
}
