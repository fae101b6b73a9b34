package rollout

import (
	"cmp"
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
	"github.com/comeback-chaos/xk6-comeback/fakes/upstream"
)

// tale plays one rollout of v2 in a world of v1, and tells whether it went as it should.
type tale struct {
	grace   time.Duration
	minimum int // percent; 0: 100
	maximum int // percent; 0: 200
	v1      fate
	v2      fate
	right   func(*world, error) bool
}

var tales = map[string]tale{
	"C1-no-grace": {grace: seconds(30), v2: fate{Boot: seconds(25), Cold: true}, right: func(_ *world, err error) bool { return err == nil }},
	"C1-endless-grace": {grace: seconds(5), v2: fate{Sick: true}, right: func(w *world, err error) bool {
		return w.made["v2"] >= 3 // they were replaced
	}},
	"C5-stops-old-first":    {right: func(w *world, _ error) bool { return len(w.violations) == 0 }},
	"C5-over-the-maximum":   {maximum: 150, right: func(w *world, _ error) bool { return len(w.violations) == 0 }},
	"C5-done-means-started": {v2: fate{Boot: seconds(20)}, right: func(w *world, _ error) bool { return w.alone("v2") == "" }},
	"C5-one-is-enough":      {minimum: 50, maximum: 100, right: func(w *world, _ error) bool { return w.alone("v2") == "" }},
	"C5-no-rollback":        {v2: fate{Sick: true}, right: func(w *world, _ error) bool { return w.alone("v1") == "" }},
	"C5-waits-for-ever":     {v2: fate{Sick: true}, right: func(w *world, _ error) bool { return w.alone("v1") == "" }},
	"C5-cuts-requests":      {v1: fate{Drain: seconds(4)}, right: func(w *world, _ error) bool { return w.cut == 0 }},
}

// play tells how the tale goes with a deployer that apply has changed.
func (c tale) play(t *testing.T, apply func(*Deployer)) (right bool) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := settings(2, cmp.Or(c.minimum, 100), cmp.Or(c.maximum, 200))
		s.Grace = script.Duration(c.grace)
		w := &world{settings: s, made: map[string]int{}, fates: map[string][]fate{"v1": {c.v1}, "v2": {c.v2}}}
		d := &Deployer{Settings: s, Instances: w, Balancer: w}
		require.NoError(t, d.Deploy(t.Context(), "v1"))
		apply(d)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		err := d.Deploy(ctx, "v2")
		right = c.right(w, err)
	})
	return right
}

func TestEachDefectDiffersFromTheRightDecision(t *testing.T) {
	t.Parallel()
	for _, d := range Defects {
		found, is := FindDefect(d.Name)
		require.True(t, is)
		require.NotEmpty(t, found.Doc)
		if d.Name == "C6-forces-the-last" {
			continue // see TestTheLastOneCanBeForced
		}
		t.Run(d.Name, func(t *testing.T) {
			t.Parallel()
			c, is := tales[d.Name]
			require.True(t, is, "a defect needs a tale that it fails")
			require.True(t, c.play(t, func(*Deployer) {}), "the right deployer")
			require.False(t, c.play(t, d.Apply), "the one with the defect")
		})
	}
	_, is := FindDefect("C99")
	require.False(t, is)
}

func TestTheLastOneCanBeForced(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.scripts["v1"] = upstream.Script{}
	u, err := p.Start(t.Context(), "a", "v1")
	require.NoError(t, err)
	require.NoError(t, p.proxy.Register(t.Context(), "a", u.URL(), "v1"))
	require.Eventually(t, func() bool { return len(p.versions()) == 1 }, time.Minute, time.Millisecond)
	require.ErrorContains(t, p.proxy.Deregister(t.Context(), "a", time.Second), "last healthy")
	defect, is := FindDefect("C6-forces-the-last")
	require.True(t, is)
	defect.Apply(&Deployer{Balancer: p.proxy})
	require.NoError(t, p.proxy.Deregister(t.Context(), "a", time.Second))
	require.Empty(t, p.versions())
}

// What runs already is the last complete deployment: it is replaced, and gone back to.
func TestAdopt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := settings(2, 100, 200)
		w := &world{settings: s, made: map[string]int{}, fates: map[string][]fate{"v1": {{}}, "v2": {{Sick: true}}, "v3": {{}}}}
		running := map[string]Instance{}
		for _, name := range []string{"backend-0", "backend-1"} {
			one, err := w.Start(t.Context(), name, "v1")
			require.NoError(t, err)
			require.NoError(t, w.Register(t.Context(), name, one.URL(), "v1"))
			running[name] = one
		}
		s.Grace = script.Duration(seconds(5))
		var events []string
		d := &Deployer{Settings: s, Instances: w, Balancer: w, OnEvent: func(e Event) { events = append(events, e.Do+" "+e.Task) }}
		d.Adopt("v1", running, 2)
		require.ErrorIs(t, d.Deploy(t.Context(), "v2"), ErrRolledBack)
		require.Empty(t, w.alone("v1"))
		require.Equal(t, []string{"begin ", "healthy backend-0", "healthy backend-1", "start v2-3", "start v2-4"}, events[:5])
		require.NoError(t, d.Deploy(t.Context(), "v3"))
		require.Empty(t, w.alone("v3"))
		require.Empty(t, w.violations)
	})
}

// A task that was healthy and is no longer is told of, and how one ended by itself, where it says so.
func TestWhatBecomesOfATaskIsTold(t *testing.T) {
	t.Parallel()
	s := settings(1, 100, 200)
	s.Grace = script.Duration(seconds(30)) // so that a lapse is no failure
	tell(t, s, []fate{{Lapse: seconds(2), Ends: "exit 3"}}, func(st *story) {
		require.NoError(st, st.Deploy(st.Context(), "v2"))
		st.fates["v3"] = []fate{{Dies: seconds(1), Ends: "exit 3"}}
		require.ErrorContains(st, st.Deploy(st.Context(), "v3"), "it ended by itself: exit 3")
		require.Contains(st, st.events, "unhealthy v2-2")
	})
}
