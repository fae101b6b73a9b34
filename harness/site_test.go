package harness_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/fakes/asgi"
	"github.com/comeback-chaos/xk6-comeback/fakes/script"
	"github.com/comeback-chaos/xk6-comeback/harness"
	"github.com/comeback-chaos/xk6-comeback/harness/check"
	"github.com/comeback-chaos/xk6-comeback/harness/fault"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/server"
)

// A real server stands behind the target as an upstream does: started, followed by its ledger, asked about its
// end; but it takes no rules, and what it prints for the ledger is no line of its log.
func TestRealBackend(t *testing.T) {
	t.Parallel()
	if err := asgi.Missing(); err != nil {
		t.Skip(err)
	}
	s := site("real", history.Expect{})
	s.Backends = []server.Spec{{ASGI: &asgi.Server{Gunicorn: true, Timeout: script.Duration(4 * time.Second)}}}
	lab := start(t, s)
	defer func() { require.NoError(t, lab.Abandon()) }()
	steps := lab.Watch(func(e *history.Event) bool {
		return e.Kind == history.Take || e.Kind == history.Give || e.Kind == history.Log && strings.Contains(e.Text, "ledger")
	})
	defer steps.Close()
	id, a, err := ask(lab, http.MethodGet, "/slow?ms=1")
	require.NoError(t, err)
	require.Equal(t, harness.Answer{Status: 200, Good: true, Version: "1", Backend: "backend/0", Wait: a.Wait}, a)
	take, give := next(t, steps), next(t, steps)
	require.Equal(t, history.Event{At: take.At, Kind: history.Take, Msg: id, Who: "backend/0", N: take.N, Text: "GET /slow"}, take)
	require.Equal(t, history.Event{At: give.At, Kind: history.Give, Msg: id, Who: "backend/0", N: take.N, Code: 200}, give)
	require.Positive(t, take.N>>32, "the worker's pid, as each counts its own requests")

	_, err = lab.Inject(fault.Spec{Fault: "backend", Params: json.RawMessage(`{"rules":[{"do":"hang"}]}`)})
	require.ErrorContains(t, err, "backend/0 is a real server and takes no rules")
	_, err = lab.Inject(fault.Spec{Fault: "rollout", Params: json.RawMessage(`{"version":"2"}`)})
	require.ErrorContains(t, err, `say needs: "rollout"`)

	stuck, err := injectUnderLoad(lab, fault.Spec{Fault: "stuck"})
	require.NoError(t, err)
	evidence, err := stuck.InEffect(t.Context())
	require.NoError(t, err)
	require.Contains(t, evidence, "WORKER TIMEOUT")
	require.NoError(t, stuck.Heal(t.Context()))
	b := lab.Backends()[0]
	require.NoError(t, b.Stop(t.Context()))
	<-b.Done()
	require.Contains(t, b.Ending(), "exit 0: ")
}

// injectUnderLoad asks for something again and again meanwhile, whatever comes of it.
func injectUnderLoad(lab *harness.Lab, s fault.Spec) (*fault.Active, error) {
	done, asked := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(asked)
		for {
			select {
			case <-done:
				return
			default:
				_, _, _ = ask(lab, http.MethodGet, "/slow?ms=10")
			}
		}
	}()
	f, err := lab.Inject(s)
	close(done)
	<-asked
	return f, err
}

// A backend that ends before it listens says why.
func TestRealBackendThatDoesNotStart(t *testing.T) {
	t.Parallel()
	if err := asgi.Missing(); err != nil {
		t.Skip(err)
	}
	s := site("no-start", history.Expect{})
	s.Backends = []server.Spec{{ASGI: &asgi.Server{Gunicorn: true, Lifespan: "off"}}}
	_, err := launch(t, s)
	require.ErrorContains(t, err, "start backend/0: exit 2: gunicorn: error: unrecognized arguments: --lifespan off: see")
}

// A rollout in the lab: the new version's processes come, the old ones' go, and the judgement says so.
// Not parallel: how fast the target is back is judged by the clock.
func TestRolloutInTheLab(t *testing.T) {
	s := site("rolls-out", history.Expect{Serves: "2", Recovery: 5 * time.Second})
	s.Needs, s.Load.Duration = []string{harness.FeatureRollout}, 15*time.Second
	lab := start(t, s)
	told := make(chan error, 1)
	go func() {
		told <- func() error {
			if err := lab.Steady(t.Context()); err != nil {
				return err
			}
			active, err := lab.Inject(fault.Spec{Fault: "rollout", Params: json.RawMessage(`{"version":"2","health":{"interval":"1s","timeout":"1s","healthy":1}}`)})
			if err != nil {
				return err
			}
			if err := active.Spent(t.Context()); err != nil {
				return err
			}
			if err := active.Heal(t.Context()); err != nil {
				return err
			}
			_, err = active.Gone(t.Context())
			return err
		}()
	}()
	visit(t, lab, s)
	require.NoError(t, <-told)
	var running []string
	for _, b := range lab.Backends() {
		select {
		case <-b.Done():
		default:
			running = append(running, b.Label()+" "+b.Spec().Version())
		}
	}
	require.Equal(t, []string{"2-3 2", "2-4 2"}, running)
	j, err := lab.Finish(t.Context())
	require.NoError(t, err)
	requirePass(t, j)
	require.NoError(t, lab.Close())
	for _, name := range []string{"rollout", "drained", "serves"} {
		require.True(t, slices.ContainsFunc(j.Results, func(r check.Result) bool { return r.Check == name }), name)
	}
}
