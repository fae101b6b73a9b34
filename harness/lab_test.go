package harness_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/fakes/upstream"
	"github.com/comeback-chaos/xk6-comeback/harness"
	"github.com/comeback-chaos/xk6-comeback/harness/check"
	"github.com/comeback-chaos/xk6-comeback/harness/fault"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/load"
	"github.com/comeback-chaos/xk6-comeback/harness/server"
)

// spec is a small scenario for a run driven from Go.
func spec(name string, expect history.Expect) harness.Spec {
	return harness.Spec{
		Name: name, Target: "consumer", Expect: expect,
		Load: harness.Load{Rate: 100, Duration: 4 * time.Second},
	}
}

func start(t *testing.T, s harness.Spec) *harness.Lab {
	t.Helper()
	lab, err := launch(t, s)
	require.NoError(t, err)
	return lab
}

// launch is start for one that may fail.
func launch(t *testing.T, s harness.Spec) (*harness.Lab, error) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	return harness.Start(t.Context(), harness.Config{
		Spec: s, Seed: 1, Broker: "local", Out: filepath.Join(t.TempDir(), "out"), Targets: targets, Self: self,
	})
}

// offer submits at the scenario's rate until the load has ended.
func offer(t *testing.T, lab *harness.Lab, s harness.Spec) {
	t.Helper()
	period := time.Duration(float64(time.Second) / s.Load.Rate)
	tick := time.NewTicker(period)
	defer tick.Stop()
	began := time.Now()
	for sent := 0; ; {
		for due := int(time.Since(began) / period); sent <= due; sent++ {
			_, err := lab.Submit([]byte(`{"prompt":"a cat"}`), load.Props{})
			require.NoError(t, err)
		}
		if time.Since(began) > s.Load.Duration {
			return
		}
		<-tick.C
	}
}

func requirePass(t *testing.T, j *check.Judgement) {
	t.Helper()
	text, err := json.MarshalIndent(j.Results, "", "  ")
	require.NoError(t, err)
	require.Equal(t, check.Pass, j.Verdict, "%s\n%s", j.Reason, text)
}

func TestControlRun(t *testing.T) {
	t.Parallel()
	s := spec("control", history.Expect{NoFault: true})
	lab := start(t, s)
	offer(t, lab, s)
	j, err := lab.Finish(t.Context())
	require.NoError(t, err)
	requirePass(t, j)
	require.NoError(t, lab.Close())

	again, err := harness.Judge(lab.Dir())
	require.NoError(t, err)
	require.Equal(t, j, again, "a saved history gives the same verdict")
}

// Not parallel: how fast the target is back is judged by the clock.
func TestFaultsAndRecovery(t *testing.T) {
	s := spec("faults", history.Expect{Recovery: 3 * time.Second, InFlight: true})
	s.Load.Duration = 10 * time.Second // a recovery is measured while the load lasts
	lab := start(t, s)
	done := make(chan error, 1)
	go func() {
		done <- func() error {
			if err := lab.Steady(t.Context()); err != nil {
				return err
			}
			f, err := lab.Inject(fault.Spec{Fault: "on", Params: json.RawMessage(`{"method":"ack","do":"cut","nth":5}`)})
			if err != nil {
				return err
			}
			if _, err := f.InEffect(t.Context()); err != nil {
				return err
			}
			if err := f.Heal(t.Context()); err != nil {
				return err
			}
			_, _, err = lab.Recovered(t.Context())
			return err
		}()
	}()
	offer(t, lab, s)
	require.NoError(t, <-done)
	j, err := lab.Finish(t.Context())
	require.NoError(t, err)
	requirePass(t, j)
	require.NoError(t, lab.Close())
	require.Len(t, j.Faults, 1)
	require.Positive(t, j.Ledger.Total.Redelivered, "what was in flight at the cut came back")
}

func TestFaultLeftInPlaceIsHealedAndNotGreen(t *testing.T) {
	t.Parallel()
	s := spec("left", history.Expect{})
	lab := start(t, s)
	_, err := lab.Inject(fault.Spec{Fault: "swap", Params: json.RawMessage(`{"state":"unset"}`)})
	require.NoError(t, err)
	offer(t, lab, s)
	j, err := lab.Finish(t.Context())
	require.NoError(t, err)
	require.NoError(t, lab.Close())
	require.NotEqual(t, check.Pass, j.Verdict)
	require.NotEqual(t, time.Duration(-1), j.Faults[0].Heal, "the lab has healed it")
}

func TestSpecCheck(t *testing.T) {
	t.Parallel()
	good := spec("a", history.Expect{})
	require.NoError(t, good.Check())
	for want, change := range map[string]func(*harness.Spec){
		"name (by default":        func(s *harness.Spec) { s.Name = "../a" },
		"target: missing":         func(s *harness.Spec) { s.Target = "" },
		"load.rate: 0 a":          func(s *harness.Spec) { s.Load.Rate = 0 },
		"load.duration: 1ms":      func(s *harness.Spec) { s.Load.Duration = time.Millisecond },
		"no figure may be":        func(s *harness.Spec) { s.Expect.Lost = -1 },
		"noFault and recovery":    func(s *harness.Spec) { s.Expect.NoFault, s.Expect.Recovery = true, 1 },
		"expect.fairShare: 2":     func(s *harness.Spec) { s.Expect.FairShare = 2 },
		"expect.takeover":         func(s *harness.Spec) { s.Expect.Takeover = -1 },
		"expect.serving":          func(s *harness.Spec) { s.Expect.Serving = &history.Serving{Share: 1.5, Within: 1} },
		"backends[1]: threads -1": func(s *harness.Spec) { s.Backends = []server.Spec{{}, {Upstream: upstream.Script{Threads: -1}}} },
		"backends[0].rules": func(s *harness.Spec) {
			s.Backends = []server.Spec{{Upstream: upstream.Script{Rules: []upstream.Rule{{Do: upstream.Hang}}}}}
		},
		"backends: 17, want at most 16": func(s *harness.Spec) { s.Backends = make([]server.Spec, 17) },
		"neither unanswered nor errors": func(s *harness.Spec) { s.Expect.Retries = -1 },
		"expect.rotation":               func(s *harness.Spec) { s.Expect.Rotation = &history.Rotation{Interval: 1, Timeout: 1, Healthy: 1} },
		`catches: "A5": ""`:             func(s *harness.Spec) { s.Catches = []history.Catch{{Defect: "A5"}} },
		`catches: "A5": "nope"`:         func(s *harness.Spec) { s.Catches = []history.Catch{{Defect: "A5", Check: "nope"}} },
	} {
		s := good
		change(&s)
		require.ErrorContains(t, s.Check(), want)
	}
}
