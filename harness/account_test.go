package harness_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/fakes/upstream"
	"github.com/comeback-chaos/xk6-comeback/harness/fault"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

var accountFails = fault.Spec{Fault: "account", Params: json.RawMessage(`{"rules":[{"do":"fail","status":503}]}`)}

// What a backend asks the account service is no request of the load, and the service is not behind the target.
func TestBackendsCallTheAccountService(t *testing.T) {
	t.Parallel()
	s := site("account", history.Expect{})
	for i := range s.Backends {
		s.Backends[i].Upstream.Account = upstream.Account{URL: "http://account/of", Path: "/account"}
	}
	lab := start(t, s)
	defer func() { require.NoError(t, lab.Abandon()) }()
	require.Len(t, lab.Backends(), 2)
	calls := lab.Watch(func(e *history.Event) bool { return e.Kind == history.Take && e.Who == "account" })
	defer calls.Close()
	for range 2 {
		_, a, err := ask(lab, http.MethodGet, "/account/7")
		require.NoError(t, err)
		require.Equal(t, 200, a.Status)
		e := next(t, calls)
		require.Zero(t, e.Msg)
		require.Equal(t, "GET /of", e.Text)
	}
	fails, err := lab.Inject(accountFails)
	require.NoError(t, err)
	for path, want := range map[string]int{"/account/7": 500, "/items/7": 200} {
		_, a, err := ask(lab, http.MethodGet, path)
		require.NoError(t, err)
		require.Equal(t, want, a.Status, path)
	}
	_, err = fails.InEffect(t.Context())
	require.NoError(t, err)
	require.NoError(t, fails.Heal(t.Context()))
	_, a, err := ask(lab, http.MethodGet, "/account/7")
	require.NoError(t, err)
	require.Equal(t, 200, a.Status)
}

func TestNoAccountService(t *testing.T) {
	t.Parallel()
	lab := start(t, site("no-account", history.Expect{}))
	defer func() { require.NoError(t, lab.Abandon()) }()
	_, err := lab.Inject(accountFails)
	require.ErrorContains(t, err, "no backend depends on an account service: give one account: {url: 'http://account'}")
	_, err = lab.Inject(fault.Spec{Fault: "heap", Params: json.RawMessage(`{"backend":1}`)})
	require.ErrorContains(t, err, "backend/1 has no heap to fill: want {jvm: {}}")
}
