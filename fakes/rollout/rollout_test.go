package rollout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

// story is a first version in service, and a second one after it.
type story struct {
	*testing.T
	*world
	*Deployer
	events []string
}

// tell runs the story in a bubble of time.
func tell(t *testing.T, s Settings, v2 []fate, then func(*story)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{settings: s, made: map[string]int{}, fates: map[string][]fate{"v1": {{Boot: seconds(2)}}, "v2": v2}}
		st := &story{T: t, world: w, Deployer: &Deployer{Settings: s, Instances: w, Balancer: w}}
		require.NoError(t, st.Deploy(t.Context(), "v1"))
		require.Empty(t, w.alone("v1"))
		st.OnEvent = func(e Event) { st.events = append(st.events, strings.TrimSpace(e.Do+" "+e.Task)) }
		then(st)
		require.Empty(t, w.violations)
	})
}

func settings(desired, minimum, maximum int) Settings {
	s := Defaults()
	s.Desired, s.MinimumHealthy, s.Maximum = desired, minimum, maximum
	s.Limit = script.Duration(time.Minute)
	return s
}

// done is told when the new version serves alone, and not before.
func TestDone(t *testing.T) {
	t.Parallel()
	tell(t, settings(2, 100, 200), []fate{{Boot: seconds(3), Drain: seconds(5)}}, func(st *story) {
		begin := time.Now()
		require.NoError(st, st.Deploy(st.Context(), "v2"))
		require.Empty(st, st.alone("v2"))
		require.Equal(st, seconds(5), time.Since(begin), "healthy after 3 s, the old ones stopped at the next look, and seen to be gone at the one after it")
		require.Equal(st, []string{"begin", "start v2-3", "start v2-4", "healthy v2-3", "healthy v2-4", "drain v1-1", "drain v1-2", "stopped v1-1", "stopped v1-2", "done"}, st.events)
	})
}

// Where no more may run, room is made first, down to the minimum.
func TestRoomIsMade(t *testing.T) {
	t.Parallel()
	tell(t, settings(4, 50, 100), []fate{{Boot: seconds(1)}}, func(st *story) {
		require.NoError(st, st.Deploy(st.Context(), "v2"))
		require.Equal(st, []string{"begin", "drain v1-1", "drain v1-2"}, st.events[:3])
		require.Empty(st, st.alone("v2"))
	})
}

// C5: a version that does not get healthy is taken back within its limit, and the old one serves all along.
func TestRollback(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		breaker bool
		grace   time.Duration
		fate    fate
		says    string
	}{
		"breaker":       {true, seconds(5), fate{Sick: true}, "circuit breaker: 4 tasks in a row failed, the last: v2-6: not healthy within 5s: 404, wanted 200"},
		"limit":         {false, 0, fate{Sick: true}, "not stable within 1m0s: v1-1 healthy, v1-2 healthy, v2-3 starting (404, wanted 200)"},
		"dies":          {true, 0, fate{Dies: seconds(1)}, "it ended by itself"},
		"cannot start":  {true, 0, fate{Wrong: true}, "no such image"},
		"slow boot":     {true, seconds(5), fate{Boot: seconds(20)}, "not healthy within 5s"},
		"lapses always": {true, 0, fate{Boot: seconds(0.5), Lapse: seconds(1)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := settings(2, 100, 200)
			s.Breaker, s.Grace = c.breaker, script.Duration(c.grace)
			tell(t, s, []fate{c.fate}, func(st *story) {
				begin := time.Now()
				err := st.Deploy(st.Context(), "v2")
				if c.says == "" {
					require.NoError(st, err)
					return
				}
				require.ErrorIs(st, err, ErrRolledBack)
				require.ErrorContains(st, err, c.says)
				require.Empty(st, st.alone("v1"))
				require.LessOrEqual(st, time.Since(begin), 2*time.Duration(s.Limit))
				st.Logf("rolled back after %v", time.Since(begin))
			})
		})
	}
}

// A slow boot is no failure inside the grace period.
func TestGrace(t *testing.T) {
	t.Parallel()
	s := settings(2, 100, 200)
	s.Grace = script.Duration(seconds(30))
	tell(t, s, []fate{{Boot: seconds(25)}}, func(st *story) {
		require.NoError(st, st.Deploy(st.Context(), "v2"))
		require.NotContains(st, strings.Join(st.events, " "), "failed")
	})
}

func TestWithoutAWayBack(t *testing.T) {
	t.Parallel()
	s := settings(1, 100, 200)
	s.Rollback = false
	tell(t, s, []fate{{Sick: true}}, func(st *story) {
		err := st.Deploy(st.Context(), "v2")
		require.ErrorIs(st, err, ErrNotRolledBack)
		require.Equal(st, map[string]int{"v1": 1}, st.serving(), "all stays as it is")

		st.fates["v1"] = []fate{{Wrong: true}}
		st.Settings.Rollback = true
		st.all[0].Dies = time.Nanosecond
		err = st.Deploy(st.Context(), "v2")
		require.ErrorIs(st, err, ErrNotRolledBack)
		require.ErrorContains(st, err, "then v1: circuit breaker")

		first := &Deployer{Settings: settings(1, 100, 200), Instances: st.world, Balancer: st.world}
		st.fates["v0"] = []fate{{Wrong: true}}
		require.ErrorContains(st, first.Deploy(st.Context(), "v0"), "there is no former version")
		first.Settings.Desired = 0
		require.ErrorContains(st, first.Deploy(st.Context(), "v0"), "desired 0")
	})
}

// Without the balancer's word nothing is started or stopped, and the limit holds.
func TestBlind(t *testing.T) {
	t.Parallel()
	tell(t, settings(1, 100, 200), []fate{{}}, func(st *story) {
		st.blind = func() bool { return true }
		err := st.Deploy(st.Context(), "v2")
		require.ErrorIs(st, err, ErrNotRolledBack)
		require.Zero(st, st.world.made["v2"])
		begin := time.Now()
		st.blind = func() bool { return time.Since(begin) < seconds(10) }
		require.NoError(st, st.Deploy(st.Context(), "v2"))
		ctx, cancel := context.WithTimeout(st.Context(), seconds(3))
		defer cancel()
		st.fates["v3"] = []fate{{Sick: true}}
		require.ErrorIs(st, st.Deploy(ctx, "v3"), context.DeadlineExceeded)
	})
}

// A decision can be swapped for a faulty one: this deploy is done as soon as the new tasks run.
func TestRulesCanBeSwapped(t *testing.T) {
	t.Parallel()
	tell(t, settings(1, 100, 200), []fate{{Sick: true}}, func(st *story) {
		st.Rules.Done = func(s Situation) bool { return s.count(s.ours) == s.Desired }
		require.NoError(st, st.Deploy(st.Context(), "v2"))
		require.Equal(st, map[string]int{"v1": 1}, st.serving(), "green, and the old version serves")
	})
}

func anyFate(t *rapid.T) fate {
	f := fate{
		Boot:  time.Duration(rapid.IntRange(0, 8000).Draw(t, "boot")) * time.Millisecond,
		Drain: time.Duration(rapid.IntRange(0, 8000).Draw(t, "drain")) * time.Millisecond,
	}
	switch rapid.IntRange(0, 7).Draw(t, "kind") {
	case 0:
		f.Sick = true
	case 1:
		f.Dies = time.Duration(rapid.IntRange(1, 20000).Draw(t, "dies")) * time.Millisecond
	case 2:
		f.Lapse = time.Duration(rapid.IntRange(1, 20000).Draw(t, "lapse")) * time.Millisecond
	case 3:
		f.Wrong = true
	}
	return f
}

func anySettings(t *rapid.T) Settings {
	s := Defaults()
	s.Desired = rapid.IntRange(1, 8).Draw(t, "desired")
	s.MinimumHealthy = rapid.IntRange(0, 100).Draw(t, "minimum")
	s.Maximum = rapid.IntRange(100, 200).Draw(t, "maximum")
	s.Grace = script.Duration(rapid.IntRange(0, 10).Draw(t, "grace")) * script.Duration(time.Second)
	s.Drain = script.Duration(rapid.IntRange(0, 10).Draw(t, "drain limit")) * script.Duration(time.Second)
	s.Limit = script.Duration(rapid.IntRange(20, 200).Draw(t, "limit")) * script.Duration(time.Second)
	s.Breaker = rapid.Bool().Draw(t, "breaker")
	s.Rollback = rapid.Bool().Draw(t, "rollback")
	return s
}

// Whatever becomes of the new version's tasks: never below the minimum by the deployer's doing, never
// above the maximum, nothing is stopped under its requests, done and rolled back mean what they say, and
// both come within their limit.
func TestNoRolloutBreaksTheRules(t *testing.T) {
	t.Parallel()
	outcomes := map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		s := anySettings(rt)
		if s.Check() != nil {
			rt.Skip("no room to replace a task")
		}
		fates := rapid.SliceOfN(rapid.Custom(anyFate), 1, 12).Draw(rt, "fates")
		wrong, outcome := "", ""
		synctest.Test(t, func(t *testing.T) { wrong, outcome = play(t.Context(), s, fates) })
		if wrong != "" {
			rt.Fatal(wrong)
		}
		outcomes[outcome]++
	})
	t.Log(outcomes)
	for _, outcome := range []string{"done", "rolled back", "not rolled back"} {
		require.NotZero(t, outcomes[outcome], outcome)
	}
}

// play tells what was wrong, and how it ended.
func play(ctx context.Context, s Settings, fates []fate) (wrong, outcome string) {
	w := &world{settings: s, made: map[string]int{}, fates: map[string][]fate{"v1": {{Boot: seconds(0.5)}}, "v2": fates}}
	d := &Deployer{Settings: s, Instances: w, Balancer: w}
	if err := d.Deploy(ctx, "v1"); err != nil {
		return err.Error(), ""
	}
	begin := time.Now()
	err := d.Deploy(ctx, "v2")
	took := time.Since(begin)
	limit := time.Duration(s.Limit) + time.Duration(s.Poll)
	switch {
	case err == nil:
		outcome, wrong = "done", w.alone("v2")
	case errors.Is(err, ErrRolledBack):
		outcome, wrong = "rolled back", w.alone("v1")
		limit *= 2
	case errors.Is(err, ErrNotRolledBack):
		outcome = "not rolled back"
		limit *= 2
		if s.Rollback && s.Limit > script.Duration(100*time.Second) {
			wrong = "the old version is well, and there was time: " + err.Error()
		}
	default:
		wrong = err.Error()
	}
	if wrong == "" && took > limit {
		wrong = fmt.Sprintf("%s took %v, more than %v", outcome, took, limit)
	}
	if len(w.violations) > 0 {
		wrong = strings.Join(w.violations, "; ")
	}
	return wrong, outcome
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ desired, minimum, maximum, floor, ceiling, threshold int }{
		{1, 100, 200, 1, 2, 3}, {4, 50, 150, 2, 6, 3}, {3, 50, 150, 2, 4, 3}, {10, 1, 109, 1, 10, 5}, {1000, 0, 100, 0, 1000, 200},
	} {
		s := settings(c.desired, c.minimum, c.maximum)
		require.NoError(t, s.Check())
		require.Equal(t, []int{c.floor, c.ceiling, c.threshold}, []int{s.Floor(), s.Ceiling(), s.Threshold()}, "%+v", c)
	}
	var s Settings
	require.NoError(t, json.Unmarshal([]byte(`{"desired":3,"limit":"30s"}`), &s))
	require.Equal(t, 200, s.Maximum)
	for in, want := range map[string]string{
		`{"desired":0}`:          "desired",
		`{"desierd":1}`:          "desierd",
		`{"minimumHealthy":101}`: "minimumHealthy",
		`{"maximum":99}`:         "maximum",
		`{"maximum":100}`:        "no room",
		`{"poll":"0s"}`:          "poll",
		`{"grace":"1h"}`:         "grace",
	} {
		require.ErrorContains(t, json.Unmarshal([]byte(in), &s), want, in)
	}
}
