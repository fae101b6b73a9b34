package backend

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// walk holds a life beside a plain model of it: the checks in a row since it entered its state.
type walk struct {
	life
	h            Health
	now          time.Time
	runOK, runNo int
}

const ejectFirst, ejectLimit = 4 * time.Second, 16 * time.Second

func (w *walk) entered(t *rapid.T, changed bool, want State) {
	require.True(t, changed)
	require.Equal(t, want, w.state)
	require.Equal(t, w.now, w.since)
	require.NotEmpty(t, w.reason)
	w.runOK, w.runNo = 0, 0
}

func (w *walk) good(t *rapid.T) {
	from := w.state
	changed := w.checked(Check{At: w.now, OK: true, What: "200"}, w.h)
	w.runNo = 0
	if from != Ejected || !w.now.Before(w.until) {
		w.runOK++
	}
	if from != Healthy && !w.leaving() && w.runOK >= w.h.Healthy {
		w.entered(t, changed, Healthy)
		return
	}
	require.False(t, changed)
	require.Equal(t, from, w.state)
}

func (w *walk) bad(t *rapid.T) {
	from, graced := w.state, w.state == Starting && w.now.Sub(w.since) < w.h.Grace
	changed := w.checked(Check{At: w.now, What: "404, wanted 200"}, w.h)
	w.runOK = 0
	w.runNo++
	if from != Unhealthy && !w.leaving() && !graced && w.runNo >= w.h.Unhealthy {
		w.entered(t, changed, Unhealthy)
		require.Contains(t, w.reason, "404, wanted 200")
		return
	}
	require.False(t, changed)
	require.Equal(t, from, w.state)
}

func (w *walk) ejected(t *rapid.T) {
	from := w.state
	if !w.eject(w.now, "5 failed", ejectFirst, ejectLimit) {
		require.NotEqual(t, Healthy, from)
		return
	}
	require.Equal(t, Healthy, from)
	w.entered(t, true, Ejected)
	require.GreaterOrEqual(t, w.until.Sub(w.now), ejectFirst)
	require.LessOrEqual(t, w.until.Sub(w.now), ejectLimit)
}

func TestAnyWalkKeepsTheRules(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := &walk{now: time.Unix(1000, 0), h: Health{Healthy: rapid.IntRange(1, 4).Draw(t, "healthy"),
			Unhealthy: rapid.IntRange(1, 4).Draw(t, "unhealthy"), Grace: time.Duration(rapid.IntRange(0, 9).Draw(t, "grace")) * time.Second}}
		w.enter(w.now, Starting, "new")
		t.Repeat(map[string]func(*rapid.T){
			"time": func(t *rapid.T) { w.now = w.now.Add(time.Duration(rapid.IntRange(1, 20).Draw(t, "s")) * time.Second) },
			"good": w.good,
			"bad":  w.bad,
			"out":  w.ejected,
			"leave": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "rarely") > 0 {
					return
				}
				if was := w.leaving(); w.drain(w.now, "asked") {
					require.False(t, was)
					w.entered(t, true, Draining)
				}
			},
			"gone": func(t *rapid.T) {
				if from := w.state; w.gone(w.now, "done") {
					require.Equal(t, Draining, from)
					w.entered(t, true, Drained)
				}
			},
		})
	})
}

func TestEjectionsDoubleUpToTheLimitAndForgive(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	h := Health{Healthy: 1, Unhealthy: 1}
	var l life
	l.enter(now, Starting, "new")
	for _, want := range []time.Duration{4 * time.Second, 8 * time.Second, 16 * time.Second, 16 * time.Second} {
		require.True(t, l.checked(Check{At: now, OK: true, What: "200"}, h))
		require.True(t, l.eject(now, "x", ejectFirst, ejectLimit))
		require.Equal(t, want, l.until.Sub(now))
		require.False(t, l.checked(Check{At: l.until.Add(-1), OK: true, What: "200"}, h), "too early")
		now = l.until
	}
	require.True(t, l.checked(Check{At: now, OK: true, What: "200"}, h))
	now = now.Add(ejectLimit)
	require.True(t, l.eject(now, "x", ejectFirst, ejectLimit))
	require.Equal(t, ejectFirst, l.until.Sub(now), "it was well for long enough")
}
