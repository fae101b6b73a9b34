package hooks

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

func TestStepJSON(t *testing.T) {
	t.Parallel()
	var s Step
	require.NoError(t, json.Unmarshal([]byte(`{"code":1,"delay":"1.5s","stderr":"x","restart":true}`), &s))
	require.Equal(t, Step{Code: 1, Delay: script.Duration(1500 * time.Millisecond), Stderr: "x", Restart: true}, s)
	var plan []Step
	require.NoError(t, json.Unmarshal([]byte(`[{},{"hang":true},{"signal":"KILL"},{"kill":true}]`), &plan))
	require.Equal(t, []Step{{}, {Hang: true}, {Signal: "KILL"}, {Kill: true}}, plan)
}

func TestStepErrors(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"exit":1}`:                     "exit",
		`{"code":-1}`:                    "0 to 255",
		`{"code":256}`:                   "0 to 255",
		`{"delay":5}`:                    "number",
		`{"delay":"-1s"}`:                "out of range",
		`{"delay":"11m"}`:                "out of range",
		`{"delay":"soon"}`:               "no duration",
		`{"signal":"STOP"}`:              "ends no process",
		`{"signal":"SIGKILL"}`:           "want KILL",
		`{"signal":"KILL; reboot"}`:      "ends no process",
		`{"hang":true,"code":1}`:         "either exits",
		`{"hang":true,"signal":"KILL"}`:  "either exits",
		`{"restart":true,"kill":true}`:   "either restarts",
		`{"stderr":"` + big + `"}`:       "at most",
		`{"code":1} {"code":2}`:          "",
		`[{"code":1}]`:                   "",
		`{"code":"1"}`:                   "",
		`{"restart":"yes","code":false}`: "",
	} {
		var s Step
		require.ErrorContains(t, json.Unmarshal([]byte(in), &s), want, in)
	}
	_, err := (&Desk{}).Plan(Restart, Step{}, Step{Code: 300})
	require.ErrorContains(t, err, "step 2")
}

var big = strings.Repeat("x", maxStderr+1)

func anyStep(t *rapid.T) Step {
	s := Step{
		Delay:  script.Duration(rapid.Int64Range(0, int64(10*time.Minute)).Draw(t, "delay")),
		Stderr: rapid.String().Draw(t, "stderr"),
	}
	switch rapid.IntRange(0, 2).Draw(t, "end") {
	case 0:
		s.Code = rapid.IntRange(0, 255).Draw(t, "code")
	case 1:
		s.Hang = true
	case 2:
		s.Signal = rapid.SampledFrom([]string{"KILL", "TERM", "SEGV"}).Draw(t, "signal")
	}
	s.Restart = rapid.Bool().Draw(t, "restart")
	s.Kill = !s.Restart && rapid.Bool().Draw(t, "kill")
	return s
}

func TestStepRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := anyStep(t)
		data, err := json.Marshal(want)
		require.NoError(t, err)
		var got Step
		require.NoError(t, json.Unmarshal(data, &got))
		require.Equal(t, want, got)
	})
}

// FuzzStep: what is read is in range, and reads the same when it is written again.
func FuzzStep(f *testing.F) {
	f.Add([]byte(`{"code":1,"delay":"1.5s","stderr":"x","restart":true}`))
	f.Add([]byte(`{"signal":"KILL"}`))
	f.Add([]byte(`{"hang":true,"delay":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var s Step
		if json.Unmarshal(data, &s) != nil {
			return
		}
		require.NoError(t, s.Check())
		out, err := json.Marshal(s)
		require.NoError(t, err)
		var again Step
		require.NoError(t, json.Unmarshal(out, &again))
		require.Equal(t, s, again)
	})
}
