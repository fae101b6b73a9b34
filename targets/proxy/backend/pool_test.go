package backend_test

import (
	"context"
	"fmt"
	"net/url"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
)

// lab is a pool whose changes are written down.
type lab struct {
	*backend.Pool
	mu      sync.Mutex
	changes []string
	byName  map[string]*backend.Backend
}

func newLab(specs ...backend.Spec) *lab {
	l := &lab{byName: map[string]*backend.Backend{}}
	l.Pool = &backend.Pool{Picker: &backend.RoundRobin{}, Drain: time.Minute,
		Added: func(b *backend.Backend) { l.byName[b.Name()] = b },
		Observe: func(c backend.Change) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.changes = append(l.changes, fmt.Sprintf("%s %s>%s: %s", c.Backend, c.From, c.To, c.Reason))
		}}
	l.Apply(specs)
	return l
}

func (l *lab) seen() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	seen := l.changes
	l.changes = nil
	return seen
}

func (l *lab) ok(names ...string) {
	for _, n := range names {
		l.Checked(l.byName[n], backend.Check{At: time.Now(), OK: true, What: "200"})
	}
}

func spec(name string, change ...func(*backend.Spec)) backend.Spec {
	codes, _ := backend.ParseCodes("200")
	s := backend.Spec{Name: name, URL: &url.URL{Scheme: "http", Host: name + ":1"}, Weight: 1, MaxActive: 2,
		Health: backend.Health{Path: "/", Codes: codes, Interval: time.Second, Timeout: time.Second, Healthy: 1, Unhealthy: 2}}
	for _, f := range change {
		f(&s)
	}
	return s
}

func (l *lab) state(name string) backend.State {
	for _, s := range l.List() {
		if s.Name == name && s.State != backend.Draining {
			return s.State
		}
	}
	return ""
}

func TestABackendServesOnlyOnceItIsHealthy(t *testing.T) {
	t.Parallel()
	l := newLab(spec("a"), spec("b"))
	_, err := l.Acquire(t.Context(), nil)
	require.ErrorIs(t, err, backend.ErrNone)
	require.Zero(t, l.Capacity())
	l.ok("b")
	require.EqualValues(t, 2, l.Capacity())
	for range 2 {
		b, err := l.Acquire(t.Context(), nil)
		require.NoError(t, err)
		require.Equal(t, "b", b.Name())
	}
	_, err = l.Acquire(t.Context(), nil)
	require.ErrorIs(t, err, backend.ErrBusy, "a bulkhead has no place beyond its limit")
	l.Checked(l.byName["b"], backend.Check{At: time.Now(), What: "404, wanted 200"})
	l.Checked(l.byName["b"], backend.Check{At: time.Now(), What: "404, wanted 200"})
	_, err = l.Acquire(t.Context(), nil)
	require.ErrorIs(t, err, backend.ErrNone)
	require.Equal(t, []string{"a >starting: new", "b >starting: new", "b starting>healthy: 200", "b healthy>unhealthy: 404, wanted 200"}, l.seen())
}

func TestReloadKeepsWhoStaysAndDrainsWhoGoes(t *testing.T) {
	t.Parallel()
	l := newLab(spec("a"), spec("b"), spec("c"))
	l.ok("a", "b", "c")
	a := l.byName["a"]
	held, told := take(t, l, "c"), false
	l.seen()
	out := l.Apply([]backend.Spec{spec("a", func(s *backend.Spec) { s.MaxActive = 9 }), spec("b"), spec("d")})
	require.Equal(t, backend.Outcome{Added: []string{"d"}, Changed: []string{"a"}, Gone: []string{"c"}}, out)
	require.Same(t, a, l.byName["a"])
	require.Equal(t, 9, a.Spec().MaxActive)
	require.Equal(t, backend.Healthy, l.state("a"))
	<-a.Changed()
	require.Equal(t, []string{"d >starting: new"}, l.seen(), "c serves until d does")
	l.ok("d")
	<-held.Left()
	require.Equal(t, []string{"d starting>healthy: 200", "c healthy>draining: no longer in the file"}, l.seen())
	held.Release()
	require.Equal(t, []string{"c draining>drained: nothing left to do"}, l.seen())
	held.Enlist(new(backend.Lease), func(err error) { require.ErrorIs(t, err, backend.ErrCut); told = true })
	require.True(t, told, "nothing is begun there any more")
	require.Len(t, l.List(), 3)
	require.Equal(t, backend.Outcome{Added: []string{}, Changed: []string{}, Gone: []string{}},
		l.Apply([]backend.Spec{spec("a", func(s *backend.Spec) { s.MaxActive = 9 }), spec("b"), spec("d")}), "the same again changes nothing")
}

// Whatever a file can say of a backend, another word is a change.
func TestEachWordIsAChange(t *testing.T) {
	t.Parallel()
	codes, err := backend.ParseCodes("204")
	require.NoError(t, err)
	for name, change := range map[string]func(*backend.Spec){
		"Version":          func(s *backend.Spec) { s.Version = "x" },
		"Weight":           func(s *backend.Spec) { s.Weight++ },
		"MaxActive":        func(s *backend.Spec) { s.MaxActive++ },
		"Health.Path":      func(s *backend.Spec) { s.Health.Path = "/x" },
		"Health.Host":      func(s *backend.Spec) { s.Health.Host = "x" },
		"Health.Codes":     func(s *backend.Spec) { s.Health.Codes = codes },
		"Health.Interval":  func(s *backend.Spec) { s.Health.Interval++ },
		"Health.Timeout":   func(s *backend.Spec) { s.Health.Timeout++ },
		"Health.Healthy":   func(s *backend.Spec) { s.Health.Healthy++ },
		"Health.Unhealthy": func(s *backend.Spec) { s.Health.Unhealthy++ },
		"Health.Grace":     func(s *backend.Spec) { s.Health.Grace++ },
	} {
		out := newLab(spec("a")).Apply([]backend.Spec{spec("a", change)})
		require.Equal(t, []string{"a"}, out.Changed, name)
	}
	require.Equal(t, 8, reflect.TypeFor[backend.Health]().NumField(), "a new one belongs above")
	require.Equal(t, 7, reflect.TypeFor[backend.Spec]().NumField(), "a new one belongs above, but for name, URL, protocol")
}

// take takes a place at the backend of that name.
func take(t *testing.T, l *lab, name string) *backend.Backend {
	t.Helper()
	for range 10 {
		b, err := l.Acquire(t.Context(), nil)
		require.NoError(t, err)
		if b.Name() == name {
			return b
		}
		b.Release()
	}
	require.Fail(t, "never picked", name)
	return nil
}

func TestTheLastOneInServiceGoesOnlyWhenAnotherIs(t *testing.T) {
	t.Parallel()
	l := newLab(spec("old"))
	l.ok("old")
	require.ErrorIs(t, l.Remove("old", "asked", time.Minute, false), backend.ErrLast)
	l.Apply([]backend.Spec{spec("new")})
	b := take(t, l, "old")
	l.seen()
	l.ok("new")
	require.Equal(t, []string{"new starting>healthy: 200", "old healthy>draining: no longer in the file"}, l.seen())
	b.Release()
	require.Equal(t, []string{"old draining>drained: nothing left to do"}, l.seen())
	require.ErrorIs(t, l.Remove("old", "asked", time.Minute, false), backend.ErrUnknown)
	require.NoError(t, l.Remove("new", "asked", time.Minute, true))
	_, err := l.Acquire(t.Context(), nil)
	require.ErrorIs(t, err, backend.ErrNone)
}

func TestAnotherURLIsAnotherBackend(t *testing.T) {
	t.Parallel()
	l := newLab(spec("a"))
	l.ok("a")
	old := l.byName["a"]
	l.Put(spec("a", func(s *backend.Spec) { s.URL = &url.URL{Scheme: "http", Host: "other:1"} }))
	require.NotSame(t, old, l.byName["a"])
	require.Same(t, old, take(t, l, "a"), "the old one serves until the new one is healthy")
	l.ok("a")
	require.NotSame(t, old, take(t, l, "a"))
}

func TestDrainingIsCutAtItsDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLab(spec("a"), spec("b"))
		l.ok("a", "b")
		b := take(t, l, "a")
		cut := make(chan int, 5)
		leases := make([]backend.Lease, 5)
		for i := range leases {
			b.Enlist(&leases[i], func(error) { cut <- i })
		}
		for _, done := range []int{0, 2, 4, 4} { // the last, one in between, the first; and once more
			b.Delist(&leases[done])
		}
		require.NoError(t, l.Remove("a", "asked", 5*time.Second, false))
		time.Sleep(5*time.Second - time.Nanosecond)
		synctest.Wait()
		require.Empty(t, cut)
		time.Sleep(time.Nanosecond)
		require.Equal(t, []int{3, 1}, []int{<-cut, <-cut})
		require.Contains(t, l.seen(), "a draining>drained: its deadline of 5s passed: requests cut: 1")
		b.Release()
		require.Empty(t, l.seen())
	})
}

func TestEjectionLeavesEnoughInService(t *testing.T) {
	t.Parallel()
	l := newLab(spec("a"), spec("b"), spec("c"))
	l.ok("a", "b", "c")
	l.seen()
	eject := func(name string) string {
		return l.Eject(l.byName[name], "failed", time.Second, time.Minute, 0.5)
	}
	require.Empty(t, eject("a"))
	require.Equal(t, []string{"a healthy>ejected: failed; for at least 1s"}, l.seen())
	require.Equal(t, "too many are ejected", eject("b"))
	require.NoError(t, l.Remove("c", "asked", time.Minute, false))
	require.Equal(t, "it is the last one in service", eject("b"))
	require.Equal(t, backend.Healthy, l.state("b"))
}

func TestTheQueueWaitsForAPlace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLab(spec("a"))
		l.Queue.Places, l.Queue.Wait = 1, time.Second
		l.ok("a")
		first := take(t, l, "a")
		take(t, l, "a")
		got := make(chan error)
		go func() { _, err := l.Acquire(t.Context(), nil); got <- err }()
		synctest.Wait()
		require.EqualValues(t, 1, l.Queued())
		_, err := l.Acquire(t.Context(), nil)
		require.ErrorIs(t, err, backend.ErrBusy, "the queue is full")
		first.Release()
		require.NoError(t, <-got)

		began := time.Now()
		_, err = l.Acquire(t.Context(), nil)
		require.ErrorIs(t, err, backend.ErrBusy)
		require.Equal(t, time.Second, time.Since(began))
		require.Zero(t, l.Queued())

		go func() { _, err := l.Acquire(t.Context(), nil); got <- err }()
		synctest.Wait()
		require.NoError(t, l.Remove("a", "asked", time.Minute, true))
		require.ErrorIs(t, <-got, backend.ErrNone, "who waits is told at once that nobody is left")
		first.Release()
	})
}

// Whatever happens at once, no backend gets more than its limit, and every place comes back.
func TestPlacesUnderLoad(t *testing.T) {
	t.Parallel()
	l := newLab(spec("a"), spec("b"), spec("c"))
	l.Queue.Places, l.Queue.Wait = 4, time.Second
	l.ok("a", "b", "c")
	var clients sync.WaitGroup
	for range 12 {
		clients.Go(func() {
			for range 500 {
				b, err := l.Acquire(context.Background(), nil)
				if err == nil {
					if b.Active() > 20 { // the limit, and those that are just being turned away
						t.Error("over the limit")
					}
					b.Release()
				}
			}
		})
	}
	for i := range 50 {
		name := []string{"a", "b", "c"}[i%3]
		_ = l.Remove(name, "asked", time.Minute, false)
		l.Put(spec(name))
		l.ok(name)
	}
	clients.Wait()
	for _, s := range l.List() {
		require.Zero(t, s.Active, s.Name)
		require.NotEqual(t, backend.Draining, s.State)
	}
}

// picky picks what fate has just taken away.
type picky struct {
	backend.Picker
	fate func()
}

func (p *picky) Pick(in, tried []*backend.Backend) *backend.Backend {
	b := p.Picker.Pick(in, tried)
	if fate := p.fate; fate != nil {
		p.fate = nil
		fate()
	}
	return b
}

func TestNothingIsBegunAtABackendThatLeaves(t *testing.T) {
	t.Parallel()
	l := newLab(spec("a"), spec("b"))
	l.ok("a", "b")
	l.Picker = &picky{l.Picker, func() { require.NoError(t, l.Remove("a", "asked", time.Hour, false)) }}
	b, err := l.Acquire(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, "b", b.Name(), "a was picked, and then began to drain")
	require.Len(t, l.List(), 1, "and is gone")
}
