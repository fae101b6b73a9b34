package aiworker

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

func TestScriptDefaults(t *testing.T) {
	t.Parallel()
	var s Script
	require.Equal(t, 5*time.Millisecond, s.warm())
	require.Equal(t, 20*time.Millisecond, s.load(), "with the job's own 5 ms a cold one takes 5 times as long")
	require.Equal(t, 4, s.concurrency())
	s = Script{Warm: script.Duration(time.Second), Cold: 1, Concurrency: 1}
	require.Zero(t, s.load())
	require.Equal(t, 1, s.concurrency())
}

func TestModelIsLoadedOnceAndStays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := models{loading: make(chan struct{}, 1)}
		const cost = time.Second
		use := func(name string, keep int) time.Duration {
			begin := time.Now()
			require.NoError(t, m.use(t.Context(), name, cost, keep))
			return time.Since(begin)
		}
		require.Empty(t, m.current())
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() { require.Equal(t, cost, use("a", 2), "all wait for one load") })
		}
		wg.Wait()
		require.Zero(t, use("a", 2))
		require.Equal(t, cost, use("b", 2))
		require.Zero(t, use("a", 2))
		require.Equal(t, cost, use("c", 2), "puts b out, which was not used for longest")
		require.Equal(t, "c", m.current())
		require.Zero(t, use("a", 2))
		require.Equal(t, cost, use("b", 2))
		require.Equal(t, cost, use("c", 0), "one stays at least")
		require.Equal(t, cost, use("b", 0))

		ctx, cancel := context.WithTimeout(t.Context(), cost/2)
		defer cancel()
		require.Error(t, m.use(ctx, "d", cost, 1))
		require.Equal(t, "b", m.current(), "a load that was given up changes nothing")
		require.Equal(t, cost, use("d", 1))
	})
}

func TestRuleErrors(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{}`:                                                "cannot do",
		`{"do":"explode"}`:                                  "cannot do",
		`{"do":"fail","code":1}`:                            "code",
		`{"do":"fail","status":200}`:                        "400 to 599",
		`{"do":"hang","status":500}`:                        "only fail",
		`{"do":"fail","on":"reboot"}`:                       "not possible",
		`{"do":"fail","on":"boot"}`:                         "not possible",
		`{"do":"cut","on":"ping"}`:                          "not possible",
		`{"do":"refuse"}`:                                   "not possible",
		`{"do":"slow-boot","on":"boot"}`:                    "want a delay",
		`{"do":"oom","on":"boot","match":"m1"}`:             "only requests",
		`{"do":"slow"}`:                                     "factor or a delay",
		`{"do":"slow","factor":2,"delay":"1s"}`:             "factor or a delay",
		`{"do":"slow","factor":1}`:                          "out of range",
		`{"do":"slow","factor":-2}`:                         "out of range",
		`{"do":"slow","factor":2,"on":"ping"}`:              "only a slow request",
		`{"do":"fail","delay":"1s"}`:                        "only slow",
		`{"do":"slow","delay":"-1s"}`:                       "out of range",
		`{"do":"slow","delay":"1h"}`:                        "out of range",
		`{"do":"fail","times":-1}`:                          "negative",
		`{"do":"slow","delay":1}`:                           "number",
		`{"do":"slow","delay":"1s","nth":1.5,"unknown":{}}`: "",
	} {
		var r Rule
		require.ErrorContains(t, json.Unmarshal([]byte(in), &r), want, in)
	}
}

func TestScriptErrors(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"wram":"5ms"}`:                 "wram",
		`{"warm":"-5ms"}`:                "out of range",
		`{"cold":0.5}`:                   "out of range",
		`{"concurrency":-1}`:             "concurrency",
		`{"keep":-1}`:                    "keep",
		`{"rules":[{"do":"explode"}]}`:   "explode",
		`{"rules":[{"do":"fail"}]} true`: "",
	} {
		var s Script
		require.ErrorContains(t, json.Unmarshal([]byte(in), &s), want, in)
	}
	bad := Script{Rules: []Rule{{Do: Fail}, {Do: "explode"}}}
	var r Remote
	require.ErrorContains(t, r.Push(t.Context(), bad), "rule 1")
	_, err := r.Add(t.Context(), Rule{Do: "explode"})
	require.ErrorContains(t, err, "explode")
}

func anyRule(t *rapid.T) Rule {
	r := Rule{Do: rapid.SampledFrom([]string{Fail, Hang, Cut, Garbage, Truncate, OOM, Slow}).Draw(t, "do")}
	switch r.Do {
	case Fail:
		r.Status = rapid.IntRange(400, 599).Draw(t, "status")
	case Slow:
		if rapid.Bool().Draw(t, "by factor") {
			r.Factor = rapid.Float64Range(1.001, 1000).Draw(t, "factor")
		} else {
			r.Delay = script.Duration(rapid.Int64Range(1, int64(script.MaxDelay)).Draw(t, "delay"))
		}
	}
	r.Match = rapid.String().Draw(t, "match")
	r.Turn = script.Turn{Nth: rapid.IntRange(0, 9).Draw(t, "nth"), Times: rapid.IntRange(0, 9).Draw(t, "times")}
	return r
}

func TestScriptRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := Script{
			Warm:        script.Duration(rapid.Int64Range(0, int64(script.MaxDelay)).Draw(t, "warm")),
			Cold:        rapid.Float64Range(1, 1000).Draw(t, "cold"),
			Concurrency: rapid.IntRange(0, 100).Draw(t, "concurrency"),
			Rules:       rapid.SliceOfN(rapid.Custom(anyRule), 1, 5).Draw(t, "rules"),
		}
		data, err := json.Marshal(want)
		require.NoError(t, err)
		var got Script
		require.NoError(t, json.Unmarshal(data, &got))
		require.Equal(t, want, got)
	})
}

// FuzzScript: what is read is in range, and reads the same when it is written again.
func FuzzScript(f *testing.F) {
	f.Add([]byte(`{"warm":"5ms","cold":5,"concurrency":4,"rules":[{"do":"fail","times":2},{"on":"boot","do":"slow-boot","delay":"1s"}]}`))
	f.Add([]byte(`{"rules":[{"do":"slow","factor":1e2,"match":"m1"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var s Script
		if json.Unmarshal(data, &s) != nil {
			return
		}
		require.NoError(t, s.Check())
		out, err := json.Marshal(s)
		require.NoError(t, err)
		var again Script
		require.NoError(t, json.Unmarshal(out, &again))
		twice, err := json.Marshal(again)
		require.NoError(t, err)
		require.JSONEq(t, string(out), string(twice))
	})
}

func TestRemoteWithoutAWorker(t *testing.T) {
	t.Parallel()
	var r Remote
	a, err := r.Add(t.Context(), Rule{Do: Fail})
	require.NoError(t, err, "it is kept for the next worker")
	require.Zero(t, a.Hits())
	require.NoError(t, a.Remove(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = r.AwaitReady(ctx)
	require.ErrorIs(t, err, context.Canceled)
}
