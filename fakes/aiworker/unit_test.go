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

	"github.com/comeback-chaos/xk6-comeback/fakes/control"
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

// A rule that stays in the script keeps this process's count; one that is new begins where the lab says.
func TestApplyKeepsCounts(t *testing.T) {
	t.Parallel()
	var w worker
	rule := func(id, seen int) ruleNow {
		return ruleNow{ID: id, Rule: Rule{Do: Fail, Turn: script.Turn{Nth: 1}}, Count: script.Count{Seen: seen}}
	}
	w.apply(state{Seq: 1, Rules: []ruleNow{rule(1, 0), rule(2, 7)}})
	require.Equal(t, 8, w.seenAfterPick(t, 1))
	old := w.rules
	w.apply(state{Seq: 3, Rules: []ruleNow{rule(2, 0), rule(3, 5)}})
	<-old[0].gone
	require.Same(t, old[1], w.rules[0])
	w.apply(state{Seq: 2, Rules: []ruleNow{rule(9, 0)}})
	require.Len(t, w.rules, 2, "an older state came late")
}

// seenAfterPick lets the first rule act and gives what the rule at index i has seen, plus one.
func (w *worker) seenAfterPick(t *testing.T, i int) int {
	t.Helper()
	picked := w.pick(OnRequest, "m1", "")
	require.Same(t, w.rules[0], picked.liveRule)
	require.Equal(t, 1, picked.count.Hits)
	return w.rules[i].Count.Seen + 1
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

// A worker that has listened, but is dead though nobody has noticed yet, is not taken for its successor.
func TestReadyIsTheOneThatAnswers(t *testing.T) {
	t.Parallel()
	r := newRig(t, Script{})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	join := func() *control.Conn {
		c, err := control.Dial(ctx, r.server.Path(), control.Hello{Role: Role})
		require.NoError(t, err)
		m, err := c.Receive()
		require.NoError(t, err)
		require.Equal(t, msgScript, m.Type)
		return c
	}
	dead := join()
	require.NoError(t, dead.Send(msgReady, "dead:1"))
	ready := make(chan string, 1)
	go func() {
		addr, err := r.AwaitReady(ctx)
		if err != nil {
			t.Error(err)
		}
		ready <- addr
	}()
	_, err := dead.Receive()
	require.NoError(t, err, "it is asked whether it is alive")
	require.NoError(t, dead.Close())

	alive := join()
	require.NoError(t, alive.Send(msgReady, "alive:1"))
	m, err := alive.Receive()
	require.NoError(t, err)
	var s state
	require.NoError(t, m.Into(&s))
	require.Empty(t, ready)
	require.NoError(t, alive.Send(msgApplied, s.Seq))
	require.Equal(t, "alive:1", <-ready)
}
