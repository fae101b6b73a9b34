package upstream

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

func TestLatency(t *testing.T) {
	t.Parallel()
	require.Equal(t, time.Second, Latency{Median: script.Duration(time.Second)}.at(0.3))
	rapid.Check(t, func(t *rapid.T) {
		median := rapid.Int64Range(1000, int64(time.Second)).Draw(t, "median")
		p99 := rapid.Int64Range(median+1, 10*int64(time.Second)).Draw(t, "p99")
		l := Latency{Median: script.Duration(median), P99: script.Duration(p99)}
		require.NoError(t, l.check())
		require.InEpsilon(t, median, int64(l.at(0.5)), 0.001)
		require.InEpsilon(t, p99, int64(l.at(0.99)), 0.001)
		u, v := rapid.Float64Range(0, 1).Draw(t, "u"), rapid.Float64Range(0, 1).Draw(t, "v")
		require.LessOrEqual(t, l.at(min(u, v)), l.at(max(u, v)))
		require.LessOrEqual(t, l.at(math.Nextafter(1, 0)), script.MaxDelay)
	})
}

// The draws for request ids are even, and depend on seed, purpose and id.
func TestChance(t *testing.T) {
	t.Parallel()
	const n = 10_000
	var draws []float64
	for i := range n {
		draws = append(draws, chance(1, "latency", fmt.Sprint("m", i)))
	}
	slices.Sort(draws)
	for i, u := range draws {
		require.InDelta(t, float64(i)/n, u, 0.02)
	}
	require.Equal(t, chance(1, "latency", "m1"), chance(1, "latency", "m1"))
	require.NotEqual(t, chance(1, "latency", "m1"), chance(2, "latency", "m1"))
	require.NotEqual(t, chance(1, "latency", "m1"), chance(1, "account", "m1"))
}

func TestPauseOfASpiral(t *testing.T) {
	t.Parallel()
	require.Zero(t, pause(0, time.Second))
	require.Equal(t, firstPause, pause(time.Second, time.Second))
	require.Equal(t, 1023*firstPause, pause(10*time.Second, time.Second))
	require.Equal(t, script.MaxDelay, pause(time.Hour, time.Second))
}

// A record of a request that came is written when record returns; those of one request are in order,
// and none is lost.
func TestLedger(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	came, ended := map[string]bool{}, 0
	l := ledger{send: func(batch []Record) {
		mu.Lock()
		defer mu.Unlock()
		if len(batch) > maxBatch {
			t.Errorf("a batch of %d", len(batch))
		}
		for _, r := range batch {
			if r.Ended.IsZero() {
				came[r.ID] = true
			} else if came[r.ID] {
				ended++
			}
		}
	}}
	l.flush()
	var wg sync.WaitGroup
	for i := range 1500 {
		wg.Go(func() {
			r := Record{ID: fmt.Sprint(i)}
			l.record(r)
			mu.Lock()
			written := came[r.ID]
			mu.Unlock()
			if !written {
				t.Error("the request goes on before its record is written")
			}
			r.Ended = time.Now()
			l.record(r)
		})
	}
	wg.Wait()
	l.flush()
	require.Len(t, came, 1500)
	require.Equal(t, 1500, ended)
}

func TestRuleErrors(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{}`:                                               "cannot do",
		`{"do":"fail","code":1}`:                           "code",
		`{"do":"fail","status":100}`:                       "200 to 599",
		`{"do":"hang","status":500}`:                       "no status",
		`{"do":"crash","status":256}`:                      "1 to 255",
		`{"do":"fail","on":"boot"}`:                        "not possible",
		`{"do":"cut","on":"health"}`:                       "not possible",
		`{"do":"down","on":"request","part":"disk"}`:       "not possible",
		`{"do":"refuse"}`:                                  "not possible",
		`{"do":"refuse","on":"boot","match":"m1"}`:         "nothing to match",
		`{"do":"refuse","on":"boot","within":"1s"}`:        "no time within",
		`{"do":"slow"}`:                                    "need one",
		`{"do":"spiral"}`:                                  "need one",
		`{"do":"slow-boot","on":"boot"}`:                   "need one",
		`{"do":"fail","delay":"1s"}`:                       "nothing else",
		`{"do":"slow","delay":"-1s"}`:                      "out of range",
		`{"do":"slow","delay":"1s","within":"1h"}`:         "out of range",
		`{"do":"slow-body"}`:                               "needs one",
		`{"do":"slow-body","rate":-1}`:                     "rate -1",
		`{"do":"fail","rate":1}`:                           "nothing else",
		`{"do":"huge"}`:                                    "1 to 100000",
		`{"do":"huge","mb":100001}`:                        "1 to 100000",
		`{"do":"fail","mb":1}`:                             "nothing else",
		`{"do":"down"}`:                                    "needs one of",
		`{"do":"down","part":"engine"}`:                    "needs one of",
		`{"do":"fail","part":"disk"}`:                      "nothing else",
		`{"do":"fail","times":-1}`:                         "negative",
		`{"do":"slow","delay":1}`:                          "number",
		`{"do":"huge","mb":1,"rate":100,"nth":1,"x":true}`: "x",
	} {
		var r Rule
		require.ErrorContains(t, json.Unmarshal([]byte(in), &r), want, in)
	}
}

func TestScriptErrors(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"vresion":"1"}`:                               "vresion",
		`{"threads":-1}`:                                "threads -1",
		`{"pool":{"size":100001}}`:                      "pool size",
		`{"pool":{"wait":"-1s"}}`:                       "pool wait",
		`{"health":"up"}`:                               "begins with /",
		`{"latency":{"median":"-1s"}}`:                  "median",
		`{"latency":{"median":"1s","p99":"1h"}}`:        "p99",
		`{"latency":{"p99":"1s"}}`:                      "above the median",
		`{"latency":{"median":"1s","p99":"1s"}}`:        "above the median",
		`{"account":{"share":0.5}}`:                     "without a url",
		`{"account":{"url":"ftp://x"}}`:                 "http://",
		`{"account":{"url":"http://x","share":2}}`:      "share",
		`{"account":{"url":"http://x","timeout":"1h"}}`: "timeout",
		`{"account":{"url":"http://x","path":"a"}}`:     "no path",
		`{"pages":[{"every":"-1s"}]}`:                   "every",
		`{"pages":[{"size":-1}]}`:                       "page 0",
		`{"pages":[{"vary":"a\nb"}]}`:                   "line break",
		`{"rules":[{"do":"fail"},{"do":"explode"}]}`:    "explode",
		`{"rules":[{"do":"fail"}]} true`:                "",
	} {
		var s Script
		require.ErrorContains(t, json.Unmarshal([]byte(in), &s), want, in)
	}
	require.ErrorContains(t, Script{Rules: []Rule{{Do: Fail}, {Do: "explode"}}}.Check(), "rule 1")
}

// The edition depends on the time alone, so that all backends show the same one.
func TestEditions(t *testing.T) {
	t.Parallel()
	began := time.Unix(1000, 0)
	for every, want := range map[script.Duration][]int{0: {7, 7, 7}, script.Duration(2 * time.Second): {507, 507, 508}} {
		p := Page{Edition: 7, Every: every}
		got := []int{p.editionAt(began), p.editionAt(began.Add(1999 * time.Millisecond)), p.editionAt(began.Add(2 * time.Second))}
		require.Equal(t, want, got, "every %v", every)
	}
}

// FuzzScript: what is read is in range, and reads the same when it is written again.
func FuzzScript(f *testing.F) {
	f.Add([]byte(`{"version":"2","latency":{"median":"5ms","p99":"80ms"},"threads":4,"pool":{"size":2,"wait":"1s"},"rules":[{"do":"fail","times":2},{"on":"boot","do":"slow-boot","delay":"1s"}]}`))
	f.Add([]byte(`{"account":{"url":"http://127.0.0.1:1/a","share":1e-1},"pages":[{"path":"/a","etag":true,"vary":"Cookie"}],"rules":[{"do":"down","part":"disk"},{"do":"huge","mb":5,"rate":10}]}`))
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
