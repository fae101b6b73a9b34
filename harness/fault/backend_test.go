package fault

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/fakes/control"
	"github.com/comeback-chaos/xk6-comeback/fakes/port"
	"github.com/comeback-chaos/xk6-comeback/fakes/script"
	"github.com/comeback-chaos/xk6-comeback/fakes/upstream"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// benchBackend is a real upstream, though in this process, at an address that stays.
type benchBackend struct {
	Backend
	name, addr, socket string
	remote             upstream.Remote
	broken             error // what Start says

	mu   sync.Mutex
	stop context.CancelFunc
	done chan struct{} // closed once it has ended; nil: it was never started
}

func (b *benchBackend) Name() string                      { return b.name }
func (b *benchBackend) Addr() string                      { return b.addr }
func (b *benchBackend) Remote() (*upstream.Remote, error) { return &b.remote, nil }

func (b *benchBackend) Start(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.broken != nil {
		return b.broken
	}
	if b.done != nil {
		select {
		case <-b.done:
		default:
			return nil
		}
	}
	own, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	b.stop, b.done = stop, done
	go func() {
		defer close(done)
		_ = upstream.Run(own, upstream.Options{Socket: b.socket, Name: b.name, Addr: b.addr}) // AwaitReady tells
	}()
	_, err := b.remote.AwaitReady(ctx)
	return err
}

func (b *benchBackend) Kill() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stop()
	<-b.done
}

// get asks the backend for path and gives the status, 0 when it refuses.
func (b *benchBackend) get(t *testing.T, path string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+b.addr+path, nil)
	require.NoError(t, err)
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	require.NoError(t, res.Body.Close())
	return res.StatusCode
}

// newSite is a bench with two backends that serve; what they give is in the bench's history.
func newSite(t *testing.T) (*bench, []*benchBackend) {
	t.Helper()
	b := newBench(t)
	dir, err := os.MkdirTemp("", "fault") // a socket's path must be short
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	var all []*benchBackend
	remotes := upstream.Remotes{}
	for n := range 2 {
		held, err := port.Hold("127.0.0.1:0")
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, held.Close()) })
		one := &benchBackend{name: history.BackendName(n), addr: held.Addr(), socket: filepath.Join(dir, "private", "s")}
		one.remote.OnRecord = func(r upstream.Record) {
			if r.Ended.IsZero() {
				b.Record(&history.Event{Kind: history.Take, Who: one.name})
			} else {
				b.Record(&history.Event{Kind: history.Give, Who: one.name, Code: int32(r.Status)})
			}
		}
		remotes[one.name] = &one.remote
		all, b.backends = append(all, one), append(b.backends, one)
	}
	server, err := control.Listen(all[0].socket, control.Mux{upstream.Role: remotes}, nil)
	require.NoError(t, err)
	t.Cleanup(func() { server.Close() })
	for _, one := range all {
		require.NoError(t, one.Start(t.Context()))
		t.Cleanup(one.Kill)
	}
	return b, all
}

func TestBackendRules(t *testing.T) {
	t.Parallel()
	b, all := newSite(t)
	ill := all[1]
	in := inject(t, b, &BackendRules{Backend: 1, Rules: []upstream.Rule{
		{Do: upstream.Fail, Status: 503, Match: "/a", Turn: script.Turn{Times: 2}},
		{Do: upstream.Slow, Delay: 1, Match: "/b"},
	}})
	require.Equal(t, 200, all[0].get(t, "/a"), "the other is not ill")
	require.Equal(t, 503, ill.get(t, "/a"))
	require.Eventually(t, func() bool { // the lab is told beside the answer
		return strings.Contains(in.Spent(brief(t)).Error(), "rule 0 of the backend/1 has acted 1 of 2 times")
	}, 10*time.Second, time.Millisecond)
	_, err := in.InEffect(brief(t))
	require.ErrorContains(t, err, "waiting until rule 1 of the backend/1 acts")
	require.Equal(t, 503, ill.get(t, "/a"))
	require.NoError(t, in.Spent(t.Context()), "what acts for ever is not waited for")
	require.Equal(t, 200, ill.get(t, "/b"))
	evidence, err := in.InEffect(t.Context())
	require.NoError(t, err)
	require.Contains(t, evidence, "backend/1")

	require.NoError(t, in.Heal(t.Context()))
	_, err = in.Gone(brief(t))
	require.ErrorContains(t, err, "waiting until backend/1 answers a request well")
	gone := make(chan error, 1)
	go func() {
		_, err := in.Gone(t.Context())
		gone <- err
	}()
	for waiting := true; waiting; {
		require.Equal(t, 200, ill.get(t, "/a"))
		select {
		case err := <-gone:
			require.NoError(t, err)
			waiting = false
		default:
		}
	}
}

// A backend that its rules have killed is started with the heal, and keeps none of them.
func TestBackendRulesHealStartsTheBackend(t *testing.T) {
	t.Parallel()
	b, all := newSite(t)
	in := inject(t, b, &BackendRules{Rules: []upstream.Rule{{Do: upstream.Fail}}})
	all[0].Kill()
	require.Zero(t, all[0].get(t, "/"))
	require.NoError(t, in.Heal(t.Context()))
	require.Equal(t, 200, all[0].get(t, "/"))
}

func TestBackendRulesThatMakeNoSense(t *testing.T) {
	t.Parallel()
	b, all := newSite(t)
	for want, f := range map[string]Fault{
		`such as {do: "fail"}`:             &BackendRules{},
		"backend: 2, want one from 0 to 1": &BackendRules{Backend: 2, Rules: []upstream.Rule{{Do: upstream.Fail}}},
		"backend: -1, want one from 0":     &BackendDown{Backend: -1},
		`cannot do "dance"`:                &BackendRules{Rules: []upstream.Rule{{Do: upstream.Fail}, {Do: "dance"}}},
		`not possible on "boot"`:           &BackendRules{Rules: []upstream.Rule{{Do: upstream.Fail}, {Do: upstream.Cut, On: upstream.OnBoot}}},
	} {
		_, err := f.Inject(t.Context(), b)
		require.ErrorContains(t, err, want)
		require.Equal(t, 200, all[0].get(t, "/"), "%s: a rule was left", want)
	}
}

// take injects a fault that waits until its backend takes a request.
func (b *bench) take(t *testing.T, f Fault, from *benchBackend) Injected {
	t.Helper()
	var in Injected
	injected := make(chan error, 1)
	go func() {
		var err error
		in, err = f.Inject(t.Context(), b)
		injected <- err
	}()
	for {
		from.get(t, "/") // 0 when it has died of it
		select {
		case err := <-injected:
			require.NoError(t, err)
			return in
		default:
		}
	}
}

// What happens to a backend that is out of rotation anyway shows nothing: it is not even begun.
func TestFaultOfABackendThatTakesNothing(t *testing.T) {
	t.Parallel()
	b, all := newSite(t)
	b.Record(&history.Event{Kind: history.Take, Who: "backend/1"}) // before
	_, err := (&BackendDown{Backend: 1}).Inject(brief(t), b)
	require.ErrorContains(t, err, "waiting until backend/1 takes a request")
	require.Empty(t, b.claimed)
	require.Equal(t, 200, all[1].get(t, "/"))
}

func TestBackendDown(t *testing.T) {
	t.Parallel()
	b, all := newSite(t)
	dead := all[1]
	b.Record(&history.Event{Kind: history.Offer}) // before
	in := b.take(t, &BackendDown{Backend: 1}, dead)
	require.Zero(t, dead.get(t, "/"))
	require.Equal(t, 200, all[0].get(t, "/"))
	_, err := (&BackendDown{Backend: 1}).Inject(t.Context(), b)
	require.ErrorContains(t, err, "the process of backend/1: claimed")
	_, err = in.InEffect(brief(t))
	require.ErrorContains(t, err, "waiting until the target is asked for something while backend/1 is down")

	dead.broken = errors.New("no room")
	require.ErrorContains(t, in.Heal(t.Context()), "no room")
	require.NotEmpty(t, b.claimed, "it is down still, and this fault's")
	dead.broken = nil
	require.NoError(t, in.Heal(t.Context()))
	require.Empty(t, b.claimed)
	require.Equal(t, 200, dead.get(t, "/"), "at the same address")

	in = b.take(t, &BackendDown{Backend: 1}, dead)
	b.Record(&history.Event{Kind: history.Offer})
	evidence, err := in.InEffect(t.Context())
	require.NoError(t, err)
	require.Contains(t, evidence, "connection refused")
	require.NoError(t, in.Heal(t.Context()))
}

// earnest is a backend that takes no rules.
type earnest struct{ *benchBackend }

func (earnest) Remote() (*upstream.Remote, error) { return nil, errors.New("it takes no rules") }

func TestBackendThatTakesNoRules(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.backends = []Backend{earnest{}}
	_, err := (&BackendRules{Rules: []upstream.Rule{{Do: upstream.Fail}}}).Inject(t.Context(), b)
	require.EqualError(t, err, "it takes no rules")
}

// undying is a backend that its kill does not end.
type undying struct{ *benchBackend }

func (undying) Kill() {}

func TestBackendDownIsNotInEffectWhileItListens(t *testing.T) {
	t.Parallel()
	b, all := newSite(t)
	b.backends = []Backend{undying{all[0]}}
	in := b.take(t, &BackendDown{}, all[0])
	_, err := in.InEffect(t.Context())
	require.EqualError(t, err, "backend/0 still listens")
	require.NoError(t, in.Heal(t.Context()))
}

// Only a good answer of the backend itself shows that it is well again.
func TestBackendGivesAgain(t *testing.T) {
	t.Parallel()
	for e, want := range map[history.Event]bool{
		{Kind: history.Give, Who: "backend/1", Code: 200}:   true,
		{Kind: history.Give, Who: "backend/1", Code: 304}:   true,
		{Kind: history.Give, Who: "backend/1", Code: 404}:   false,
		{Kind: history.Give, Who: "backend/1", Code: 500}:   false,
		{Kind: history.Give, Who: "backend/1"}:              false,
		{Kind: history.Give, Who: "backend/0", Code: 200}:   false,
		{Kind: history.Take, Who: "backend/1"}:              false,
		{Kind: history.Health, Who: "backend/1", Code: 200}: false,
	} {
		synctest.Test(t, func(t *testing.T) {
			b := &bench{watches: map[*benchWatch]bool{}}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			gone := make(chan error, 1)
			go func() {
				_, err := givesAgain(ctx, b, &benchBackend{name: "backend/1"})
				gone <- err
			}()
			synctest.Wait()
			b.Record(&e)
			synctest.Wait()
			require.Equal(t, want, len(gone) == 1, "%s of %s with %d", e.Kind, e.Who, e.Code)
			cancel()
			err := <-gone
			require.Equal(t, want, err == nil)
			require.Empty(t, b.watches)
		})
	}
}
