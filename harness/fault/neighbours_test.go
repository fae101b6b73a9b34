package fault

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/fakes/alertsink"
	"github.com/comeback-chaos/xk6-comeback/fakes/apisink"
	"github.com/comeback-chaos/xk6-comeback/fakes/script"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// serving is a bench with an API server and a webhook.
func serving(t *testing.T) *bench {
	t.Helper()
	b := newBench(t)
	var err error
	b.api, err = apisink.Listen(context.WithoutCancel(t.Context()), apisink.Config{})
	require.NoError(t, err)
	b.alerts, err = alertsink.Listen(context.WithoutCancel(t.Context()), alertsink.Config{})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, b.api.Close())
		require.NoError(t, b.alerts.Close())
	})
	return b
}

// post sends JSON on a connection of its own and gives the status, 0 when there is no answer.
func post(t *testing.T, url, body string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	require.NoError(t, err)
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	return res.StatusCode
}

func TestAPI(t *testing.T) {
	t.Parallel()
	b := serving(t)
	report := func(job string) int { return post(t, b.api.URL()+"/images/"+job, "{}") }
	in := inject(t, b, &API{Rules: []apisink.Rule{{Do: apisink.AcceptFail, Turn: script.Turn{Times: 1}}, {Do: apisink.Cut, Job: "m2"}}})
	_, err := in.InEffect(brief(t))
	require.ErrorContains(t, err, "rule 0 of the API server")
	require.Equal(t, 500, report("m1"))
	require.Equal(t, 1, b.api.Effects("m1"))
	_, err = in.InEffect(brief(t))
	require.ErrorContains(t, err, "rule 1 of the API server")
	require.Zero(t, report("m2"))
	_, err = in.InEffect(brief(t))
	require.NoError(t, err)

	require.NoError(t, in.Heal(brief(t)))
	require.NoError(t, in.Heal(t.Context()), "again")
	_, err = in.Gone(brief(t))
	require.ErrorContains(t, err, "report that passes")
	gone := make(chan error, 1)
	go func() { _, err := in.Gone(t.Context()); gone <- err }()
	for passed := false; !passed; {
		require.Equal(t, 201, report("m3"))
		select {
		case err := <-gone:
			require.NoError(t, err)
			passed = true
		default:
		}
	}
}

func TestAPIDown(t *testing.T) {
	t.Parallel()
	b := serving(t)
	down := &API{Rules: []apisink.Rule{{Do: apisink.Down}}}
	in := inject(t, b, down)
	_, err := down.Inject(t.Context(), b)
	require.ErrorContains(t, err, "claimed")
	b.Record(&history.Event{Kind: history.Deliver, Conn: 1}) // to the load
	b.Record(&history.Event{Kind: history.Ack, Conn: 2})
	_, err = in.InEffect(brief(t))
	require.ErrorIs(t, err, context.Canceled, "the target needed it for nothing")
	require.NoError(t, in.Heal(t.Context()))
	require.Equal(t, 201, post(t, b.api.URL()+"/images/m1", "{}"))

	in = inject(t, b, down)
	b.Record(&history.Event{Kind: history.Deliver, Conn: 2})
	evidence, err := in.InEffect(t.Context())
	require.NoError(t, err)
	require.Contains(t, evidence, "connection refused")
	require.NoError(t, in.Heal(brief(t)))

	in = inject(t, b, &API{Rules: []apisink.Rule{{Do: apisink.Fail, Job: "m1"}}})
	b.Record(&history.Event{Kind: history.Deliver, Conn: 2})
	_, err = in.InEffect(brief(t))
	require.ErrorIs(t, err, context.Canceled, "a message is no evidence unless it is down")
	require.NoError(t, in.Heal(t.Context()))
}

func TestAlertSink(t *testing.T) {
	t.Parallel()
	b := serving(t)
	in := inject(t, b, &AlertSink{Rules: []alertsink.Rule{{Do: alertsink.Limit}}})
	_, err := in.InEffect(brief(t))
	require.ErrorContains(t, err, "rule 0 of the webhook")
	require.Equal(t, 429, post(t, b.alerts.URL(), `{"text":"help"}`))
	_, err = in.InEffect(t.Context())
	require.NoError(t, err)
	require.NoError(t, in.Heal(brief(t)))
	_, err = in.Gone(t.Context())
	require.NoError(t, err)
	require.Equal(t, 200, post(t, b.alerts.URL(), `{"text":"help"}`))
	require.Len(t, b.alerts.Alerts(), 1)
}

func TestRulesOfNeighboursThatMakeNoSense(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]Fault{
		`such as {do: "fail"}`:      &API{},
		`such as {do: "limit"}`:     &AlertSink{},
		"pass does nothing":         &API{Rules: []apisink.Rule{{Do: apisink.Pass}}},
		"down leaves the others":    &API{Rules: []apisink.Rule{{Do: apisink.Fail}, {Do: apisink.Down}}},
		`API sink cannot do ""`:     &API{Rules: []apisink.Rule{{Do: apisink.Fail}, {}}},
		`alert sink cannot do ""`:   &AlertSink{Rules: []alertsink.Rule{{Do: alertsink.Fail}, {}}},
		"slow needs one":            &API{Rules: []apisink.Rule{{Do: apisink.Slow}}},
		"only limit has retryAfter": &AlertSink{Rules: []alertsink.Rule{{Do: alertsink.Cut, RetryAfter: 1}}},
	} {
		b := serving(t)
		_, err := f.Inject(t.Context(), b)
		require.ErrorContains(t, err, want)
		require.Equal(t, 201, post(t, b.api.URL()+"/images/m1", "{}"), "a rule was left")
		require.Equal(t, 200, post(t, b.alerts.URL(), `{"text":"help"}`), "a rule was left")
	}
}
