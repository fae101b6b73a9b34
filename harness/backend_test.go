package harness_test

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/fakes/rollout"
	"github.com/comeback-chaos/xk6-comeback/fakes/upstream"
	"github.com/comeback-chaos/xk6-comeback/harness"
	"github.com/comeback-chaos/xk6-comeback/harness/check"
	"github.com/comeback-chaos/xk6-comeback/harness/fault"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/load"
	"github.com/comeback-chaos/xk6-comeback/harness/server"
)

// site is a small scenario of a target that answers requests, with two backends behind it.
func site(name string, expect history.Expect) harness.Spec {
	return harness.Spec{
		Name: name, Target: "proxy", Expect: expect, Backends: make([]server.Spec, 2),
		Load: harness.Load{Rate: 50, Duration: 8 * time.Second},
	}
}

// ask sends one request of the load, as run.client() does.
func ask(lab *harness.Lab, method, path string) (history.MsgID, harness.Answer, error) {
	id, err := lab.Ask(method, path, "")
	if err != nil {
		return 0, harness.Answer{}, err
	}
	req, err := http.NewRequest(method, lab.URL()+path, nil)
	if err != nil {
		return 0, harness.Answer{}, err
	}
	req.Header.Set(upstream.RequestID, id.String())
	began := time.Now()
	a := harness.Answer{}
	res, err := http.DefaultClient.Do(req)
	if err == nil {
		_, err = io.Copy(io.Discard, res.Body)
		err = errors.Join(err, res.Body.Close())
	}
	if err != nil {
		a.Err = err.Error()
	} else {
		a.Status, a.Good = res.StatusCode, res.StatusCode < 400
		a.Version, a.Backend = res.Header.Get(upstream.VersionHeader), res.Header.Get(upstream.BackendHeader)
	}
	a.Wait = time.Since(began)
	lab.Answered(id, a)
	return id, a, nil
}

// visit asks at the scenario's rate until the load has ended.
func visit(t *testing.T, lab *harness.Lab, s harness.Spec) {
	t.Helper()
	period := time.Duration(float64(time.Second) / s.Load.Rate)
	tick := time.NewTicker(period)
	defer tick.Stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	began := time.Now()
	for sent := 0; ; <-tick.C {
		// What became due meanwhile is sent at the end as well: the load is what the scenario states on a busy machine, too.
		passed := min(time.Since(began), s.Load.Duration)
		for due := int(passed / period); sent <= due; sent++ {
			wg.Go(func() { _, _, _ = ask(lab, http.MethodGet, "/items/7") }) // what becomes of it is in the history
		}
		if passed == s.Load.Duration {
			return
		}
	}
}

// allServe waits until the target takes every backend for healthy: it is ready as soon as one is.
func allServe(t *testing.T, lab *harness.Lab) {
	t.Helper()
	admin, err := lab.AdminURL()
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		known, err := (&rollout.Proxy{Admin: admin}).Backends(t.Context())
		healthy := 0
		for _, b := range known {
			if b.State == rollout.Healthy {
				healthy++
			}
		}
		return err == nil && healthy == len(lab.Backends())
	}, time.Minute, 10*time.Millisecond)
}

// next gives the next event that a watch likes.
func next(t *testing.T, w fault.Watch) history.Event {
	t.Helper()
	e, err := w.Next(t.Context())
	require.NoError(t, err)
	return e
}

func TestRequestsAreFollowedThroughTheBackends(t *testing.T) {
	t.Parallel()
	s := site("followed", history.Expect{})
	s.Needs = []string{harness.FeatureRollout} // for the admin API
	lab := start(t, s)
	defer func() { require.NoError(t, lab.Abandon()) }()
	allServe(t, lab)
	steps := lab.Watch(func(e *history.Event) bool {
		return e.Kind == history.Offer || e.Kind == history.Take || e.Kind == history.Give || e.Kind == history.Answer
	})
	defer steps.Close()
	checks := lab.Watch(func(e *history.Event) bool { return e.Kind == history.Health })
	defer checks.Close()
	seen := map[string]bool{}
	for range 2 {
		id, a, err := ask(lab, http.MethodPost, "/orders?n=1")
		require.NoError(t, err)
		require.Equal(t, 200, a.Status)
		require.Equal(t, "1", a.Version)
		seen[a.Backend] = true
		offer, take, give, answer := next(t, steps), next(t, steps), next(t, steps), next(t, steps)
		if answer.Kind == history.Give { // the client may be told before the backend's end of it is heard of
			give, answer = answer, give
		}
		require.Equal(t, history.Event{At: offer.At, Kind: history.Offer, Msg: id, Text: "POST /orders?n=1"}, offer)
		require.Equal(t, history.Event{At: take.At, Kind: history.Take, Msg: id, Who: a.Backend, N: take.N, Text: "POST /orders"}, take)
		require.Equal(t, history.Event{At: give.At, Kind: history.Give, Msg: id, Who: a.Backend, N: take.N, Code: 200}, give)
		require.Equal(t, history.Event{At: answer.At, Kind: history.Answer, Msg: id, Who: "1", Text: a.Backend, Code: 200,
			N: a.Wait.Microseconds(), Flags: history.Good}, answer)
	}
	require.Len(t, seen, 2, "each had one")
	e := next(t, checks)
	require.EqualValues(t, 200, e.Code)
	require.Zero(t, e.Msg, "a health check is nobody's request")

	_, err := lab.Submit([]byte("{}"), load.Props{})
	require.ErrorContains(t, err, "target proxy answers requests and consumes no queue: use client()")
	_, err = lab.Inject(fault.Spec{Fault: "swap", Params: json.RawMessage(`{"state":"low"}`)})
	require.ErrorContains(t, err, "it is for consumers of a queue")
}

func TestBackendComesAndGoesAtItsAddress(t *testing.T) {
	t.Parallel()
	lab := start(t, site("comes-and-goes", history.Expect{}))
	defer func() { require.NoError(t, lab.Abandon()) }()
	life := lab.Watch(func(e *history.Event) bool {
		return e.Who == "backend/1" && (e.Kind == history.ProcStart || e.Kind == history.ProcReady || e.Kind == history.ProcExit)
	})
	defer life.Close()
	b := lab.Backends()[1]
	require.Equal(t, "backend/1", b.Name())
	require.NoError(t, b.Start(t.Context())) // it runs: nothing is started, and nothing told

	b.Kill()
	b.Kill() // there is nothing left to be killed
	exit := next(t, life)
	require.Equal(t, history.ProcExit, exit.Kind)
	require.EqualValues(t, 137, exit.Code)
	_, err := net.Dial("tcp", b.Addr())
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	_, a, err := ask(lab, http.MethodGet, "/")
	require.NoError(t, err)
	require.Equal(t, "backend/0", a.Backend)

	require.NoError(t, b.Start(t.Context()))
	require.Equal(t, history.ProcStart, next(t, life).Kind)
	ready := next(t, life)
	require.Equal(t, history.ProcReady, ready.Kind)
	require.NotEqual(t, exit.N, ready.N, "another process")
	res, err := http.Get("http://" + b.Addr() + "/")
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, "backend/1", res.Header.Get(upstream.BackendHeader))

	// One that its own rules have killed can be started as well.
	remote, err := b.Remote()
	require.NoError(t, err)
	rule, err := remote.Add(t.Context(), upstream.Rule{Do: upstream.OOM, Match: "/fatal"})
	require.NoError(t, err)
	_, err = http.Get("http://" + b.Addr() + "/fatal")
	require.Error(t, err)
	require.Equal(t, history.ProcExit, next(t, life).Kind)
	require.NoError(t, rule.Remove(t.Context()))
	require.NoError(t, b.Start(t.Context()))
	require.Equal(t, history.ProcStart, next(t, life).Kind)
}

func TestLinksStandBeforeTheBackends(t *testing.T) {
	t.Parallel()
	s := site("links", history.Expect{})
	s.Links, s.Needs = []string{fault.LinkBackend}, []string{harness.FeatureRollout} // for the admin API
	lab := start(t, s)
	defer func() { require.NoError(t, lab.Abandon()) }()
	allServe(t, lab)
	links, err := lab.Links(fault.LinkBackend)
	require.NoError(t, err)
	require.Len(t, links, 2)
	for i, b := range lab.Backends() {
		require.Equal(t, b.Name(), links[i].Name())
		require.NotEqual(t, b.Addr(), links[i].Addr())
	}
	for range 2 {
		_, a, err := ask(lab, http.MethodGet, "/")
		require.NoError(t, err)
		require.Equal(t, 200, a.Status)
	}
	for _, k := range links {
		require.Positive(t, k.Passed().Down.Load(), "%s: the target knows of no other way", k.Name())
	}
}

func TestBackendThatDoesNotStart(t *testing.T) {
	t.Parallel()
	_, err := harness.Start(t.Context(), harness.Config{
		Spec: site("no-start", history.Expect{}), Seed: 1, Out: filepath.Join(t.TempDir(), "out"), Targets: targets, Self: "/bin/false",
	})
	require.ErrorContains(t, err, "start the backends: start backend/0: exit 1")
}

// The whole of it: a backend dies under load and comes back, and every check of requests passes.
// Not parallel: how fast the target is back is judged by the clock.
func TestBackendDiesUnderLoad(t *testing.T) {
	s := site("dies", history.Expect{Recovery: 3 * time.Second, Version: "1"})
	lab := start(t, s)
	done := make(chan error, 1)
	go func() {
		done <- func() error {
			if err := lab.Steady(t.Context()); err != nil {
				return err
			}
			f, err := lab.Inject(fault.Spec{Fault: "backendDown", Params: json.RawMessage(`{"backend":1}`)})
			if err != nil {
				return err
			}
			if _, err := f.InEffect(t.Context()); err != nil {
				return err
			}
			if err := f.Heal(t.Context()); err != nil {
				return err
			}
			if _, err := f.Gone(t.Context()); err != nil {
				return err
			}
			_, _, err = lab.Recovered(t.Context())
			return err
		}()
	}()
	visit(t, lab, s)
	require.NoError(t, <-done)
	j, err := lab.Finish(t.Context())
	require.NoError(t, err)
	requirePass(t, j)
	require.NoError(t, lab.Close())
	for _, name := range []string{"answered", "errors", "turned-away", "once", "retries", "version", "recovered"} {
		require.Contains(t, names(j), name)
	}
	require.NotContains(t, names(j), "no-loss")
	again, err := harness.Judge(lab.Dir())
	require.NoError(t, err)
	require.Equal(t, j, again, "a saved history gives the same verdict")
}

func names(j *check.Judgement) (all []string) {
	for _, r := range j.Results {
		all = append(all, r.Check)
	}
	return all
}
