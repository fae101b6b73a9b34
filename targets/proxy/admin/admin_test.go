package admin_test

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/admin"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
)

// lab is an API over a pool with the healthy backends a and b.
type lab struct {
	*admin.API
	all  map[string]*backend.Backend
	host string
}

func newLab() *lab {
	l := &lab{&admin.API{Events: &admin.Events{Keep: 3}}, map[string]*backend.Backend{}, "127.0.0.1:8001"}
	l.Pool = &backend.Pool{Picker: &backend.RoundRobin{}, Drain: time.Minute, Observe: l.Events.Add,
		Added: func(b *backend.Backend) { l.all[b.Name()] = b }}
	specs, _ := backend.Parse([]byte("defaults: {health: {healthy: 1}}\nbackends: [{name: a, url: http://a:1, version: v1}, {name: b, url: http://b:1}]"))
	l.Pool.Apply(specs)
	for _, b := range l.all {
		l.Pool.Checked(b, backend.Check{At: time.Now(), OK: true, What: "200"})
	}
	return l
}

func (l *lab) ask(method, path, body string, headers ...string) (int, string) {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host = l.host
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	l.Handler().ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func TestBackendsSayWhatTheyAreAndWhy(t *testing.T) {
	t.Parallel()
	l := newLab()
	for range 3 {
		l.Pool.Checked(l.all["a"], backend.Check{At: time.Now(), What: "404, wanted 200", Detail: "no such page"})
	}
	code, body := l.ask("GET", "/backends", "")
	require.Equal(t, 200, code)
	var list []backend.Status
	require.NoError(t, json.Unmarshal([]byte(body), &list))
	require.Equal(t, "a", list[0].Name)
	require.Equal(t, "v1", list[0].Version)
	require.Equal(t, backend.Unhealthy, list[0].State)
	require.Equal(t, "404, wanted 200", list[0].Reason)
	require.Equal(t, "no such page", list[0].Check.Detail)
	require.Equal(t, backend.Healthy, list[1].State)
	code, body = l.ask("GET", "/events", "")
	require.Equal(t, 200, code)
	var events []backend.Change
	require.NoError(t, json.Unmarshal([]byte(body), &events))
	require.Len(t, events, 3, "the last ones only")
	require.Equal(t, "404, wanted 200", events[2].Reason)
}

func TestPutAddsAndChanges(t *testing.T) {
	t.Parallel()
	l := newLab()
	code, body := l.ask("PUT", "/backends/c", `{"url": "http://c:1", "max_active": 7}`)
	require.Equal(t, 200, code, body)
	require.JSONEq(t, `{"added":["c"],"changed":[],"gone":[]}`, body)
	require.Equal(t, 7, l.all["c"].Spec().MaxActive)
	code, body = l.ask("PUT", "/backends/a", `{"weight": 5}`)
	require.Equal(t, 200, code, body)
	require.JSONEq(t, `{"added":[],"changed":["a"],"gone":[]}`, body)
	require.Equal(t, 5, l.all["a"].Spec().Weight)
	require.Equal(t, "v1", l.all["a"].Spec().Version)
}

func TestDeleteDrains(t *testing.T) {
	t.Parallel()
	l := newLab()
	code, body := l.ask("DELETE", "/backends/a?deadline=5s", "")
	require.Equal(t, 202, code, body)
	require.Len(t, l.Pool.List(), 1)
	code, body = l.ask("DELETE", "/backends/b", "")
	require.Equal(t, 409, code)
	require.Contains(t, body, "the last healthy backend; force=true")
	require.Equal(t, backend.Healthy, l.Pool.List()[0].State)
	code, _ = l.ask("DELETE", "/backends/b?force=true", "")
	require.Equal(t, 202, code)
	require.Empty(t, l.Pool.List())
}

func TestReload(t *testing.T) {
	t.Parallel()
	l := newLab()
	l.Reload = func() (backend.Outcome, error) { return backend.Outcome{}, errors.New("backends.yaml: line 3: no") }
	code, body := l.ask("POST", "/reload", "")
	require.Equal(t, 422, code)
	require.Contains(t, body, "nothing was changed: backends.yaml: line 3: no")
	l.Reload = func() (backend.Outcome, error) { return backend.Outcome{Added: []string{"x"}}, nil }
	code, body = l.ask("POST", "/reload", "")
	require.Equal(t, 200, code)
	require.Contains(t, body, `"added":["x"]`)
}

func TestWhatIsWrongIsRefusedAndSaid(t *testing.T) {
	t.Parallel()
	l := newLab()
	for name, c := range map[string]struct {
		method, path, body string
		code               int
		want               string
	}{
		"unknown name":      {"DELETE", "/backends/z", "", 404, `no backend of that name: \"z\"`},
		"deadline":          {"DELETE", "/backends/a?deadline=soon", "", 400, "not a duration"},
		"negative deadline": {"DELETE", "/backends/a?deadline=-1s", "", 400, "not a duration"},
		"force":             {"DELETE", "/backends/a?force=maybe", "", 400, "not true or false"},
		"parameter":         {"DELETE", "/backends/a?fource=true", "", 400, `no parameter \"fource\"`},
		"no JSON":           {"PUT", "/backends/c", "url: http://c:1", 400, "want a JSON object"},
		"unknown key":       {"PUT", "/backends/c", `{"url": "http://c:1", "wieght": 1}`, 400, "wieght"},
		"no URL":            {"PUT", "/backends/c", `{}`, 400, "url: is needed"},
		"range":             {"PUT", "/backends/a", `{"weight": 0}`, 400, "weight: 0 is out of range"},
		"odd name":          {"PUT", "/backends/a%20b", `{"url": "http://c:1"}`, 400, "letters, digits"},
		"too large":         {"PUT", "/backends/c", strings.Repeat(" ", 1<<17), 400, "too large"},
		"method":            {"POST", "/backends", "", 405, ""},
		"path":              {"GET", "/nope", "", 404, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, body := l.ask(c.method, c.path, c.body)
			require.Equal(t, c.code, code, body)
			require.Contains(t, body, c.want)
		})
	}
	code, _ := l.ask("POST", "/reload", "", "Sec-Fetch-Site", "cross-site")
	require.Equal(t, 403, code, "a page elsewhere, in a browser on this machine")
}

func TestItIsAskedByThisMachineOnly(t *testing.T) {
	t.Parallel()
	l := newLab()
	for host, want := range map[string]int{"127.0.0.1": 200, "127.0.0.1:8001": 200, "localhost:8001": 200, "[::1]:8001": 200, "[::1]": 200,
		"evil.example:8001": 421, "10.0.0.1:8001": 421, "": 421, "localhost.evil.example": 421} {
		l.host = host
		code, body := l.ask("GET", "/backends", "")
		require.Equal(t, want, code, "%s: %s", host, body)
	}
}
