package rollout

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
	"github.com/comeback-chaos/xk6-comeback/fakes/upstream"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/admin"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/health"
)

// place is a real pool of backends with its admin API, and upstreams to put into it.
type place struct {
	t       *testing.T
	pool    *backend.Pool
	proxy   *Proxy
	scripts map[string]upstream.Script // by version
}

func newPlace(t *testing.T) *place {
	ctx, cancel := context.WithCancel(context.Background())
	p := &place{t: t, scripts: map[string]upstream.Script{}}
	p.pool = &backend.Pool{Picker: &backend.RoundRobin{}, Drain: time.Minute}
	checks := &health.Active{Pool: p.pool, Probe: health.Ask}
	watched := make(chan struct{}, 100)
	p.pool.Added = func(b *backend.Backend) {
		go func() {
			checks.Watch(ctx, b)
			watched <- struct{}{}
		}()
	}
	api := httptest.NewServer((&admin.API{Pool: p.pool, Events: &admin.Events{Keep: 10}}).Handler())
	// A check has a second, and not one that is late but three take a backend out: else a busy machine does.
	p.proxy = &Proxy{Admin: api.URL, Client: api.Client(), Backend: map[string]any{
		"health": map[string]any{"path": "/healthz", "codes": "200", "interval": "1s", "timeout": "1s", "healthy": 1, "unhealthy": 3},
	}}
	t.Cleanup(func() {
		n := len(p.pool.List())
		cancel()
		for range n {
			<-watched
		}
		api.Close()
	})
	return p
}

type running struct{ *upstream.Server }

func (r running) Stop(context.Context) error { return r.Close() }

// Start implements Instances.
func (p *place) Start(_ context.Context, name, version string) (Instance, error) {
	s := p.scripts[version]
	s.Version = version
	u, err := upstream.Listen(context.Background(), upstream.Config{Name: name, Script: s})
	if err != nil {
		return nil, err
	}
	p.t.Cleanup(func() { require.NoError(p.t, u.Close()) })
	return running{u}, nil
}

// versions are those in service.
func (p *place) versions() (list []string) {
	for _, b := range p.pool.InService() {
		list = append(list, b.Spec().Version)
	}
	return list
}

// A rollout by the proxy's own admin API: done means that the new version serves, and one that answers 404
// to its health checks is rolled back with that reason; somebody serves all along.
func TestRolloutThroughTheProxy(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	sick := upstream.Rule{On: upstream.OnHealth, Do: upstream.Fail, Status: 404}
	slow := upstream.Rule{On: upstream.OnHealth, Do: upstream.Fail, Status: 503, Within: script.Duration(100 * time.Millisecond)}
	p.scripts["v2"] = upstream.Script{Rules: []upstream.Rule{slow}}
	p.scripts["v3"] = upstream.Script{Rules: []upstream.Rule{sick}}
	s := settings(2, 50, 150)
	s.Poll, s.Grace = script.Duration(5*time.Millisecond), script.Duration(3*time.Second)
	d := &Deployer{Settings: s, Instances: p, Balancer: p.proxy}
	require.NoError(t, d.Deploy(t.Context(), "v1"))
	require.Equal(t, []string{"v1", "v1"}, p.versions())
	d.OnEvent = func(e Event) {
		if len(p.versions()) == 0 {
			t.Errorf("nobody serves: %+v", e)
		}
	}
	require.NoError(t, d.Deploy(t.Context(), "v2"))
	require.Equal(t, []string{"v2", "v2"}, p.versions())
	err := d.Deploy(t.Context(), "v3")
	require.ErrorIs(t, err, ErrRolledBack)
	require.ErrorContains(t, err, "404, wanted 200")
	require.Equal(t, []string{"v2", "v2"}, p.versions())
}

func TestProxyAnswers(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	u, err := p.Start(t.Context(), "a", "v1")
	require.NoError(t, err)
	require.NoError(t, p.proxy.Register(t.Context(), "a", u.URL(), "v1"))
	require.Eventually(t, func() bool { return len(p.versions()) == 1 }, time.Minute, time.Millisecond)
	list, err := p.proxy.Backends(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[string]Backend{"a": {State: Healthy, Reason: "200"}}, list)
	err = p.proxy.Deregister(t.Context(), "a", time.Second)
	require.ErrorContains(t, err, "409 Conflict")
	require.ErrorContains(t, err, "last healthy")
	require.NoError(t, p.proxy.Deregister(t.Context(), "nobody", time.Second))
	require.ErrorContains(t, p.proxy.Register(t.Context(), "b", "nonsense", "v1"), "400")

	require.NoError(t, p.proxy.Register(t.Context(), "b", "http://127.0.0.1:1", "v1"))
	require.Eventually(t, func() bool {
		list, err := p.proxy.Backends(t.Context())
		return err == nil && list["b"].Reason == "connection refused" && list["b"].State == Unhealthy
	}, time.Minute, time.Millisecond)
	require.NoError(t, p.proxy.Deregister(t.Context(), "b", 0))
}

// What the proxy says of its states, and what is no answer.
func TestProxyStates(t *testing.T) {
	t.Parallel()
	body := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(body)) }))
	defer server.Close()
	p := &Proxy{Admin: server.URL, Client: server.Client()}
	body = `[{"name":"a","state":"draining"},{"name":"a","state":"starting","reason":"new","check":{"what":"503, wanted 200"}},
		{"name":"b","state":"ejected","reason":"5 failures","check":{"ok":true,"what":"200"}},{"name":"c","state":"starting","reason":"new","check":null},{"name":"d","state":"drained"},
		{"name":"e","state":"unhealthy","reason":"connection refused","check":{"ok":false,"what":"404, wanted 200"}}]`
	list, err := p.Backends(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[string]Backend{
		"a": {State: Starting, Reason: "503, wanted 200"}, "b": {State: Unhealthy, Reason: "5 failures"},
		"c": {State: Starting, Reason: "new"}, "d": {State: Leaving},
		"e": {State: Unhealthy, Reason: "404, wanted 200"},
	}, list)
	body = `{`
	_, err = p.Backends(t.Context())
	require.ErrorContains(t, err, "GET /backends")
	server.Close()
	_, err = p.Backends(t.Context())
	require.Error(t, err)
}
