package harness

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/harness/fault"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/server"
	"github.com/comeback-chaos/xk6-comeback/harness/sweep"
	"github.com/comeback-chaos/xk6-comeback/harness/target"
)

func TestScenarioAndTargetSuitEachOther(t *testing.T) {
	t.Parallel()
	queue := target.Target{Name: "consumer", Queue: "jobs"}
	site := target.Target{Name: "proxy", HTTP: "http://{listen}"}
	two := make([]server.Spec, 2)
	knee := target.Target{Name: "gunicorn", HTTP: "http://{listen}", Env: map[string]string{"WEB_CONCURRENCY": "{workers}"}}
	plan := &sweep.Plan{Counts: []int{1, 2}}
	for _, c := range []struct {
		on   target.Target
		spec Spec
		want string
	}{
		{queue, Spec{OwnBroker: true, Instances: 3, Links: []string{fault.LinkBroker}, Expect: history.Expect{Lost: 1}}, ""},
		{site, Spec{Backends: two, Links: []string{fault.LinkBackend}, Expect: history.Expect{Errors: 1, Recovery: time.Second}}, ""},
		{site, Spec{}, "backends: none: target proxy answers requests"},
		{queue, Spec{Backends: two}, "backends: target consumer consumes a queue"},
		{site, Spec{Backends: two, OwnBroker: true}, "it has no broker"},
		{site, Spec{Backends: two, Instances: 2}, "and runs once"},
		{site, Spec{Backends: two, Links: []string{fault.LinkBroker}}, `links: "broker" is no neighbour of target proxy`},
		{queue, Spec{Links: []string{fault.LinkBackend}}, `links: "backend" is no neighbour of target consumer`},
		{site, Spec{Backends: two, Expect: history.Expect{Lost: 1}}, "expect.lost: target proxy answers requests"},
		{site, Spec{Backends: two, Expect: history.Expect{InFlight: true}}, "expect.inFlight: "},
		{queue, Spec{Expect: history.Expect{TurnedAway: &history.TurnedAway{}}}, "expect.turnedAway: target consumer consumes a queue"},
		{queue, Spec{Expect: history.Expect{Version: "1"}}, "expect.version: "},
		{knee, Spec{Sweep: plan}, ""},
		{knee, Spec{}, "sweep: missing: target gunicorn is started with {workers}"},
		{site, Spec{Sweep: plan}, "sweep: target proxy has no {workers}"},
		{knee, Spec{Sweep: plan, Backends: two}, "measured by itself"},
		{knee, Spec{Sweep: plan, Expect: history.Expect{NoFault: true}}, "measured by itself"},
	} {
		err := c.spec.suits(c.on)
		if c.want == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, c.want)
	}
}

// Whoever adds an expectation says here what kind of target it is for.
func TestEachExpectationIsOfAKindOfTarget(t *testing.T) {
	t.Parallel()
	either := []string{"noFault", "recovery", "known", "serving", "cpu", "memory", "alerts", "allClears"}
	var all []string
	for typ, i := reflect.TypeFor[history.Expect](), 0; i < typ.NumField(); i++ {
		name, rest, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
		require.Equal(t, "omitempty", rest, "%s: what is not said must not be written", name)
		all = append(all, name)
	}
	require.ElementsMatch(t, all, slices.Concat(either, expectOfQueue, expectOfRequests))
}

func TestExpectationsOfOverload(t *testing.T) {
	t.Parallel()
	for want, e := range map[string]history.Expect{
		"expect.latency: it wants a p99 above 0": {Latency: &history.Latency{}},
		"a path, if any, that begins with /":     {Latency: &history.Latency{P99: 1, Path: "items"}},
		"expect.cached: 1.5, want 0 to 1":        {Cached: 1.5},
		"neither users nor memory may be":        {Users: -1},
		"cut after 2s to 2s, want a max above":   {Readers: &history.Readers{Min: 2 * time.Second, Max: 2 * time.Second}},
		"expect.readers.whole: -1":               {Readers: &history.Readers{Max: 1, Whole: -1}},
		"cut after 0s to 0s":                     {Readers: &history.Readers{}},
		"noFault excludes it":                    {NoFault: true, Memory: 1},
	} {
		require.ErrorContains(t, checkOverload(e), want)
	}
	require.NoError(t, checkOverload(history.Expect{Latency: &history.Latency{P99: 1, Path: "/"}, Cached: 1, Users: 1, Memory: 1, Readers: &history.Readers{Max: 1}}))
}
