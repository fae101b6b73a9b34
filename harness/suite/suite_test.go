package suite

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/harness"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/sweep"
	"github.com/comeback-chaos/xk6-comeback/harness/target"
)

func scenario(name string, duration time.Duration, catches ...history.Catch) Scenario {
	return Scenario{File: name + ".js", Spec: harness.Spec{Name: name, Load: harness.Load{Duration: duration}, Catches: catches}}
}

func TestPlan(t *testing.T) {
	t.Parallel()
	short := scenario("short", time.Second, history.Catch{Defect: "d1", Check: "no-loss"})
	long := scenario("long", time.Minute, history.Catch{Defect: "d2", Check: "settle"}, history.Catch{Defect: "d3", Check: "hooks"})
	toothless := scenario("toothless", time.Second)
	for name, c := range map[string]struct {
		scenarios []Scenario
		teeth     bool
		only      []string
		want      []string
		err       string
	}{
		"each once, the longest first": {scenarios: []Scenario{short, long}, want: []string{"long", "short"}},
		"teeth: each on its defects":   {scenarios: []Scenario{short, long}, teeth: true, want: []string{"long--d2", "long--d3", "short--d1"}},
		"only one":                     {scenarios: []Scenario{short, long}, only: []string{"short"}, want: []string{"short"}},
		"only a stranger":              {scenarios: []Scenario{short, long}, only: []string{"shrot"}, err: `no scenario "shrot"; there are short, long`},
		"toothless":                    {scenarios: []Scenario{toothless}, teeth: true, err: "toothless.js: scenario toothless has no teeth"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan, err := Plan(c.scenarios, c.teeth, c.only)
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
				return
			}
			require.NoError(t, err)
			var got []string
			for _, r := range plan {
				got = append(got, r.Name())
			}
			require.Equal(t, c.want, got)
		})
	}
}

func TestRetarget(t *testing.T) {
	t.Parallel()
	a, b := scenario("a", time.Second), scenario("b", time.Second)
	a.Target, b.Target = "consumer", "known"
	got, err := Retarget([]Scenario{a, b}, "consumer=mine")
	require.NoError(t, err)
	require.Len(t, got, 1)
	require.Equal(t, "mine", got[0].Target)
	require.True(t, got[0].Instead)
	for _, wrong := range []string{"mine", "=mine", "consumer=", "nobody=mine"} {
		_, err := Retarget([]Scenario{a, b}, wrong)
		require.ErrorContains(t, err, "target: ", wrong)
	}
}

func TestUncaught(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "comeback.yaml")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "list"), []byte("#!/bin/sh\necho d1; echo d2; echo d3\n"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "mute"), []byte("#!/bin/sh\n"), 0o700))
	require.NoError(t, os.WriteFile(path, []byte(`version: 1
targets:
  one: {command: [x], queue: q, ready: {http: "http://{listen}/"}, defects: [./list]}
  silent: {command: [x], queue: q, ready: {http: "http://{listen}/"}}
  mute: {command: [x], queue: q, ready: {http: "http://{listen}/"}, defects: [./mute]}
  broken: {command: [x], queue: q, ready: {http: "http://{listen}/"}, defects: [./nothing]}
`), 0o600))
	file, err := target.Load(path)
	require.NoError(t, err)
	of := func(name string, defects ...string) Scenario {
		s := scenario(name, time.Second)
		s.Target = name
		for _, d := range defects {
			s.Catches = append(s.Catches, history.Catch{Defect: d, Check: "no-loss"})
		}
		return s
	}
	got, err := Uncaught(t.Context(), []Scenario{of("one", "d2"), of("one", "d2", "d1"), of("silent", "d3", "anything")}, file)
	require.NoError(t, err)
	require.Equal(t, []string{"d3"}, got, "another target's defect of that name is another defect")
	rolls := of("one", "d1", "d2", "d3", "C5-no-rollback")
	rolls.Needs = []string{harness.FeatureRollout}
	got, err = Uncaught(t.Context(), []Scenario{rolls}, file)
	require.NoError(t, err)
	require.Contains(t, got, "C5-stops-old-first", "who rolls out has the deployer's to catch, too")
	require.NotContains(t, got, "C5-no-rollback")
	for want, s := range map[string]Scenario{
		`one.js: catches "C5-no-rollback", which is no defect of target one`: of("one", "C5-no-rollback"),
		`one.js: catches "d4", which is no defect of target one`:             of("one", "d4"),
		`no target "two"`: of("two", "d1"),
		"list the defects of target broken: ./nothing": of("broken", "d1"),
	} {
		_, err := Uncaught(t.Context(), []Scenario{s}, file)
		require.ErrorContains(t, err, want)
	}
}

func TestDiscover(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"b.js", "a.ts", "types.d.ts", "readme.md"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	named := func(_ context.Context, file string) (harness.Spec, error) {
		return harness.Spec{Name: filepath.Base(file)}, nil
	}
	found, err := Discover(t.Context(), []string{dir, filepath.Join(dir, "b.js")}, named)
	require.NoError(t, err)
	require.Len(t, found, 2, "each once")
	require.Equal(t, "a.ts", found[0].Name)
	require.Equal(t, "b.js", found[1].Name)

	boom := errors.New("boom")
	_, err = Discover(t.Context(), []string{dir}, func(context.Context, string) (harness.Spec, error) { return harness.Spec{}, boom })
	require.ErrorIs(t, err, boom)
	require.ErrorContains(t, err, "b.js")

	_, err = Discover(t.Context(), []string{t.TempDir()}, named)
	require.ErrorIs(t, err, ErrNone)
	_, err = Discover(t.Context(), []string{filepath.Join(dir, "gone")}, named)
	require.ErrorContains(t, err, "gone")

	same := func(context.Context, string) (harness.Spec, error) { return harness.Spec{Name: "same"}, nil }
	_, err = Discover(t.Context(), []string{dir}, same)
	require.ErrorContains(t, err, `a.ts and `, "two scenarios of one name would share a folder")
}

func TestTailsKeepsTheLastLines(t *testing.T) {
	t.Parallel()
	var tails tails
	for _, line := range []string{"1", "2", " ", "3", "4", "5", "6"} {
		tails.keep("run", line)
	}
	tails.keep("other", "x")
	require.Equal(t, "2 | 3 | 4 | 5 | 6", tails.of("run"))
	require.Empty(t, tails.of("nobody"))
}

func TestWhoSharesTheBroker(t *testing.T) {
	t.Parallel()
	file, err := target.Load("../../comeback.yaml")
	require.NoError(t, err)
	for _, c := range []struct {
		name string
		spec harness.Spec
		want bool
	}{
		{"a consumer of a queue", harness.Spec{Target: "consumer"}, true},
		{"one that breaks its broker", harness.Spec{Target: "consumer", OwnBroker: true}, false},
		{"a target that answers requests", harness.Spec{Target: "proxy"}, false},
		{"a sweep", harness.Spec{Target: "consumer", Sweep: &sweep.Plan{}}, false},
		{"a target that nobody knows", harness.Spec{Target: "other"}, true},
	} {
		e := &executor{Options: Options{Targets: file}}
		require.Equal(t, c.want, e.shares(Scenario{Spec: c.spec}), c.name)
	}
}
