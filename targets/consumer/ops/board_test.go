package ops_test

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer/ops"
)

func get(b *ops.Board, path string) (int, string) {
	w := httptest.NewRecorder()
	b.Handler().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	return w.Code, w.Body.String()
}

func TestReadyOnlyWhileConsuming(t *testing.T) {
	t.Parallel()
	b := ops.NewBoard()
	arriving := true
	b.Consuming = func() bool { return arriving }
	for _, s := range ops.States {
		b.Enter(s)
		code, body := get(b, "/readyz")
		require.Equal(t, s == ops.Consuming, code == 200, "%s: %s", s, body)
		require.Contains(t, body, string(s))
	}
	b.Enter(ops.Consuming)
	arriving = false
	code, _ := get(b, "/readyz")
	require.Equal(t, 503, code, "no messages can arrive while the channel is away")
}

func TestHealthNamesEachPart(t *testing.T) {
	t.Parallel()
	b := ops.NewBoard()
	connected := true
	b.Broker = func() bool { return connected }
	b.Incidents = func() []string { return []string{"AI process is down"} }
	b.Enter(ops.Consuming)
	b.Note("ai", nil, "answers")
	b.Note("memory", nil, "enough")
	code, body := get(b, "/healthz")
	require.Equal(t, 200, code, body)
	var h struct {
		OK        bool
		State     string
		Parts     map[string]ops.Part
		Incidents []string
	}
	require.NoError(t, json.Unmarshal([]byte(body), &h))
	require.True(t, h.OK)
	require.Equal(t, "consuming", h.State)
	require.Equal(t, []string{"AI process is down"}, h.Incidents)
	require.Equal(t, ops.Part{OK: true, Detail: "connected"}, h.Parts["broker"])

	connected = false
	code, body = get(b, "/healthz")
	require.Equal(t, 503, code)
	require.Contains(t, body, `"broker":{"ok":false,"detail":"not connected"}`)
	connected = true
	b.Note("ai", errors.New("refused"), "")
	code, body = get(b, "/healthz")
	require.Equal(t, 503, code)
	require.Contains(t, body, `"ai":{"ok":false,"detail":"refused"}`)
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	b := ops.NewBoard()
	b.Metrics.Started()
	b.Metrics.Started()
	b.Metrics.Ended("done", 3*time.Millisecond)
	b.Metrics.Reconnected("channel")
	b.Metrics.Restarted(nil)
	b.Metrics.Terminated(errors.New("255"))
	b.Metrics.Alerted("alert", nil)
	b.Metrics.Alerted("alert", errors.New("lost"))
	b.Enter(ops.Parked)
	_, body := get(b, "/metrics")
	for _, want := range []string{
		`consumer_jobs_total{outcome="done"} 1`, `consumer_jobs_total{outcome="dead"} 0`, `consumer_jobs_in_flight 1`,
		`consumer_job_seconds_count 1`, `consumer_reconnects_total{kind="channel"} 1`, `consumer_restarts_total{result="ok"} 1`,
		`consumer_terminations_total{result="failed"} 1`, `consumer_alerts_total{kind="alert"} 1`, `consumer_alerts_total{kind="lost"} 1`,
		`consumer_state{state="parked"} 1`, `consumer_state{state="waiting-for-swap"} 0`,
	} {
		require.Contains(t, body, want+"\n")
	}
}
