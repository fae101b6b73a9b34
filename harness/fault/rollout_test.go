package fault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
	"github.com/comeback-chaos/xk6-comeback/fakes/upstream"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/server"
)

// yard is a lab in which versions are deployed, with the admin API of a target that finds the versions in well healthy.
type yard struct {
	*bench
	admin, defect string
	well          map[string]bool

	mu    sync.Mutex
	all   []*yardBackend
	known map[string]string // versions by label, as the target was told
}

// yardBackend is a backend without a process.
type yardBackend struct {
	Backend
	name, label string
	spec        server.Spec
	ended       chan struct{}
	once        sync.Once
}

func (b *yardBackend) Name() string          { return b.name }
func (b *yardBackend) Label() string         { return b.label }
func (b *yardBackend) URL() string           { return "http://" + b.label }
func (b *yardBackend) Spec() server.Spec     { return b.spec }
func (b *yardBackend) Done() <-chan struct{} { return b.ended }
func (b *yardBackend) Launch() error {
	if b.spec.Upstream.Threads == 13 {
		return errors.New("no such image")
	}
	return nil
}

func (b *yardBackend) Stop(context.Context) error {
	b.once.Do(func() { close(b.ended) })
	return nil
}

func (y *yard) AdminURL() (string, error) {
	if y.admin == "" {
		return "", errors.New("say needs: 'rollout'")
	}
	return y.admin, nil
}

func (y *yard) Defect() string { return y.defect }

func (y *yard) Backends() (all []Backend) {
	y.mu.Lock()
	defer y.mu.Unlock()
	for _, b := range y.all {
		all = append(all, b)
	}
	return all
}

func (y *yard) AddBackend(_ context.Context, label string, spec server.Spec) (Backend, error) {
	y.mu.Lock()
	defer y.mu.Unlock()
	b := &yardBackend{name: history.BackendName(len(y.all)), label: label, spec: spec, ended: make(chan struct{})}
	y.all = append(y.all, b)
	return b, nil
}

// newYard has two backends of version 1, which serve.
func newYard(t *testing.T, well ...string) *yard {
	y := &yard{bench: newBench(t), known: map[string]string{}, well: map[string]bool{"1": true}}
	for _, version := range well {
		y.well[version] = true
	}
	api := httptest.NewServer(y)
	t.Cleanup(api.Close)
	y.admin = api.URL
	for n := range 2 {
		label := fmt.Sprintf("backend-%d", n)
		_, err := y.AddBackend(t.Context(), label, server.Spec{}.As("1"))
		require.NoError(t, err)
		y.known[label] = "1"
	}
	return y
}

// ServeHTTP is the admin API.
func (y *yard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	y.mu.Lock()
	defer y.mu.Unlock()
	label := strings.TrimPrefix(r.URL.Path, "/backends/")
	switch r.Method {
	case http.MethodPut:
		var told struct{ Version string }
		if json.NewDecoder(r.Body).Decode(&told) != nil {
			w.WriteHeader(http.StatusBadRequest)
		}
		y.known[label] = told.Version
	case http.MethodDelete:
		delete(y.known, label)
	default:
		list := []map[string]string{}
		for label, version := range y.known {
			state := "unhealthy"
			if y.well[version] {
				state = "healthy"
			}
			list = append(list, map[string]string{"name": label, "state": state, "reason": "404, wanted 200"})
		}
		_ = json.NewEncoder(w).Encode(list)
	}
}

// versions are those that the target knows.
func (y *yard) versions() (all []string) {
	y.mu.Lock()
	defer y.mu.Unlock()
	for _, version := range y.known {
		all = append(all, version)
	}
	slices.Sort(all)
	return all
}

// log is the history so far.
func (y *yard) log() []history.Event {
	y.bench.mu.Lock()
	defer y.bench.mu.Unlock()
	return slices.Clone(y.events)
}

// tellings are the rollout's events, without what they say for people.
func (y *yard) tellings() (all []string) {
	for _, e := range y.log() {
		if e.Kind == history.Rollout {
			words := strings.SplitN(e.Text, " ", 3)
			all = append(all, strings.TrimSpace(strings.Join(words[:2], " ")+" "+e.Who))
		}
	}
	return all
}

func quick(f *Rollout) *Rollout {
	f.Poll, f.Limit = script.Duration(2*time.Millisecond), seconds(20)
	return f
}

// give lets a backend answer a request, again and again until the test has seen what it waits for.
func (y *yard) give(t *testing.T) {
	done := make(chan struct{})
	var gives sync.WaitGroup
	gives.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				y.Record(&history.Event{Kind: history.Give, Who: "backend/2", Code: 200})
			case <-done:
				return
			}
		}
	})
	t.Cleanup(func() { close(done); gives.Wait() })
}

func TestRolloutDone(t *testing.T) {
	t.Parallel()
	y := newYard(t, "2", "3")
	f := quick(newRollout())
	f.Version = "2"
	in, err := f.Inject(t.Context(), y)
	require.NoError(t, err)
	_, err = quick(newRollout()).Inject(t.Context(), y)
	require.ErrorContains(t, err, "version")
	other := quick(newRollout())
	other.Version = "3"
	_, err = other.Inject(t.Context(), y)
	require.ErrorContains(t, err, "claimed")
	evidence, err := in.InEffect(t.Context())
	require.NoError(t, err)
	require.Contains(t, evidence, "backend/2 start 2")
	require.NoError(t, in.Spent(t.Context()))
	require.Equal(t, []string{"2", "2"}, y.versions())
	require.NoError(t, in.Heal(t.Context()))
	y.give(t)
	evidence, err = in.Gone(t.Context())
	require.NoError(t, err)
	require.Contains(t, evidence, "the rollout of 2 ended done, and backend/2 answered")
	all := y.tellings()
	require.Equal(t, []string{"begin 2", "healthy 1 backend/0", "healthy 1 backend/1", "start 2 backend/2", "start 2 backend/3"}, all[:5])
	require.Equal(t, []string{"done 2", "ended 2"}, all[len(all)-2:])
	require.Contains(t, all, "drain 1 backend/0")
	for _, e := range y.log() {
		switch {
		case strings.HasPrefix(e.Text, "begin"):
			require.Equal(t, []int64{20_000, 2, 4}, []int64{e.N, int64(e.Code), int64(e.Tag)})
		case strings.HasPrefix(e.Text, "drain"):
			require.EqualValues(t, 2000, e.N)
		}
	}

	in, err = other.Inject(t.Context(), y) // after it, the next
	require.NoError(t, err)
	require.NoError(t, in.Spent(t.Context()))
	require.NoError(t, in.Heal(t.Context()))
	require.Equal(t, []string{"3", "3"}, y.versions())
	require.Equal(t, "3-5", y.all[4].label)
}

func TestRolloutRolledBack(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	f := quick(newRollout())
	f.Version, f.Ends = "2", history.RolledBack
	in, err := f.Inject(t.Context(), y)
	require.NoError(t, err)
	require.NoError(t, in.Spent(t.Context()))
	require.NoError(t, in.Heal(t.Context()))
	y.give(t)
	evidence, err := in.Gone(t.Context())
	require.NoError(t, err)
	require.Contains(t, evidence, "rolled-back")
	require.Equal(t, []string{"1", "1"}, y.versions())
	events := y.log()
	last := events[slices.IndexFunc(events, func(e history.Event) bool { return strings.HasPrefix(e.Text, "ended") })]
	require.Contains(t, last.Text, "ended 2 rolled-back rollout of 2: rolled back to 1: circuit breaker")
	require.Contains(t, last.Text, "404, wanted 200")
}

// The run's defect is the deployer's: this one is done as soon as the new version was started.
func TestRolloutWithADefect(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.defect = "C5-done-means-started"
	f := quick(newRollout())
	f.Version, f.Ends, f.Grace = "2", history.RolledBack, seconds(10)
	in, err := f.Inject(t.Context(), y)
	require.NoError(t, err)
	require.NoError(t, in.Spent(t.Context()))
	require.NoError(t, in.Heal(t.Context()))
	_, err = in.Gone(t.Context())
	require.ErrorContains(t, err, "ended done, wanted rolled-back")
	require.Contains(t, y.versions(), "1")
}

// Healed while it is at work it stops there.
func TestRolloutIsCalledOff(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.defect = "C5-waits-for-ever"
	f := quick(newRollout())
	f.Version, f.Backend.Upstream.Threads = "2", 13
	in, err := f.Inject(t.Context(), y)
	require.NoError(t, err)
	require.ErrorIs(t, in.Spent(brief(t)), context.Canceled)
	require.NoError(t, in.Heal(t.Context()))
	_, err = in.Gone(t.Context())
	require.ErrorContains(t, err, "ended called-off, wanted done")
	require.Equal(t, []string{"1", "1"}, y.versions())
}

func TestRolloutErrors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*Rollout, *yard)
		want   string
	}{
		"no version":       {func(f *Rollout, _ *yard) { f.Version = "" }, `version: "", want a word`},
		"two words":        {func(f *Rollout, _ *yard) { f.Version = "a b" }, `version: "a b", want a word`},
		"the same":         {func(f *Rollout, _ *yard) { f.Version = "1" }, `version: "1" is deployed, by 2 backends`},
		"another end":      {func(f *Rollout, _ *yard) { f.Ends = "well" }, `ends: "well", want one of`},
		"a reason":         {func(f *Rollout, _ *yard) { f.Says = "404" }, "no reason for being done"},
		"settings":         {func(f *Rollout, _ *yard) { f.Maximum = 99 }, "maximum 99"},
		"not needed":       {func(_ *Rollout, y *yard) { y.admin = "" }, "say needs: 'rollout'"},
		"no admin API":     {func(_ *Rollout, y *yard) { y.admin = "http://127.0.0.1:1" }, "connection refused"},
		"versions are two": {func(_ *Rollout, y *yard) { y.all[0].spec = server.Spec{Upstream: upstream.Script{Version: "0"}} }, "versions 0 and 1 are there"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			y := newYard(t, "2")
			f := newRollout()
			f.Version = "2"
			c.change(f, y)
			_, err := f.Inject(t.Context(), y)
			require.ErrorContains(t, err, c.want)
		})
	}
}
