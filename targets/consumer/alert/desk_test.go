package alert_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer/alert"
)

// webhook answers with its statuses in turn, the last one for ever; 0 is no answer.
type webhook struct {
	mu       sync.Mutex
	statuses []int
	bodies   []string
}

func (h *webhook) RoundTrip(r *http.Request) (*http.Response, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	h.bodies = append(h.bodies, string(body))
	status := http.StatusOK
	if len(h.statuses) > 0 {
		status = h.statuses[0]
		h.statuses = h.statuses[min(1, len(h.statuses)-1):]
	}
	if status == 0 {
		return nil, errors.New("no answer")
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader("ok")), Request: r}, nil
}

// play runs a desk through a story and gives what was posted and what was told of it.
func play(t *testing.T, statuses []int, worth func(int) bool, story func(*alert.Desk)) (bodies, sent []string) {
	synctest.Test(t, func(t *testing.T) {
		hook := &webhook{statuses: statuses}
		d := &alert.Desk{URL: "http://hook/services/secret", From: "i-1", HTTP: &http.Client{Transport: hook}, Worth: worth}
		d.OnSent = func(kind string, err error) {
			if err != nil {
				kind += " lost: " + err.Error()
			}
			sent = append(sent, kind)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); d.Run(ctx, time.Second) }()
		story(d)
		time.Sleep(time.Hour)
		stop()
		<-done
		bodies = hook.bodies
	})
	return bodies, sent
}

func TestOneAlertAndOneAllClearAnIncident(t *testing.T) {
	t.Parallel()
	bodies, sent := play(t, nil, nil, func(d *alert.Desk) {
		d.Clear("A", "nothing was open")
		for range 50 {
			d.Raise("A", "down")
		}
		d.Raise("B", "also")
		require.ElementsMatch(t, []string{"A", "B"}, d.Open())
		d.Clear("A", "up")
		d.Clear("A", "up")
		d.Raise("A", "down again")
	})
	require.Equal(t, []string{"alert", "alert", "all-clear", "alert"}, sent)
	var p struct {
		Text        string
		Attachments []struct{ Color, Title, Text string }
	}
	require.NoError(t, json.Unmarshal([]byte(bodies[0]), &p))
	require.Equal(t, "Alert: A (i-1)", p.Text)
	require.Equal(t, []struct{ Color, Title, Text string }{{"danger", "A", "down"}}, p.Attachments)
	require.NoError(t, json.Unmarshal([]byte(bodies[2]), &p))
	require.Equal(t, []struct{ Color, Title, Text string }{{"good", "A", "up"}}, p.Attachments)
}

func TestDeliveryIsTriedAgainAndThenGivenUp(t *testing.T) {
	t.Parallel()
	bodies, sent := play(t, []int{0, 500, 429, 200}, nil, func(d *alert.Desk) { d.Raise("A", "down") })
	require.Len(t, bodies, 4)
	require.Equal(t, []string{"alert"}, sent)

	bodies, sent = play(t, []int{0}, nil, func(d *alert.Desk) { d.Raise("A", "down"); d.Clear("A", "up") })
	require.Len(t, bodies, 12)
	require.Len(t, sent, 2)
	require.Contains(t, sent[0], "alert lost")
	require.NotContains(t, sent[0], "secret")
}

func TestRaisingNeverBlocks(t *testing.T) {
	t.Parallel()
	d := &alert.Desk{URL: "http://hook", Worth: func(int) bool { return true }, Log: slog.New(slog.DiscardHandler)}
	for range 1000 { // nobody sends
		d.Raise("A", "down")
	}
}

func TestWorthDecides(t *testing.T) {
	t.Parallel()
	_, sent := play(t, nil, func(int) bool { return true }, func(d *alert.Desk) {
		for range 5 {
			d.Raise("A", "down")
		}
	})
	require.Len(t, sent, 5)
}

func TestNoWebhookIsNoFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sent []error
		d := &alert.Desk{OnSent: func(_ string, err error) { sent = append(sent, err) }}
		ctx, stop := context.WithCancel(t.Context())
		d.Raise("A", "down")
		stop()
		d.Run(ctx, time.Second)
		require.Equal(t, []error{nil}, sent)
	})
}

// asking is a webhook that answers 429 twice, and notes when it was asked.
type asking struct {
	after string
	times []time.Time
}

func (h *asking) RoundTrip(r *http.Request) (*http.Response, error) {
	h.times = append(h.times, time.Now())
	res := &http.Response{StatusCode: http.StatusTooManyRequests, Header: http.Header{}, Body: http.NoBody, Request: r}
	if len(h.times) > 2 {
		res.StatusCode = http.StatusOK
	} else {
		res.Header.Set("Retry-After", h.after)
	}
	return res, nil
}

func TestItWaitsAsLongAsTheWebhookAsksFor(t *testing.T) {
	t.Parallel()
	for after, c := range map[string]struct{ least, most time.Duration }{
		"30":                            {30 * time.Second, 51 * time.Second},
		"soon":                          {375 * time.Millisecond, 1250 * time.Millisecond},
		"0":                             {375 * time.Millisecond, 1250 * time.Millisecond},
		"86400":                         {10 * time.Minute, 17 * time.Minute},
		"Sun, 22 Nov 2026 15:00:00 GMT": {375 * time.Millisecond, 1250 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			hook := &asking{after: after}
			d := &alert.Desk{URL: "http://hook", HTTP: &http.Client{Transport: hook}}
			ctx, stop := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() { defer close(done); d.Run(ctx, time.Second) }()
			d.Raise("A", "down")
			time.Sleep(time.Hour)
			stop()
			<-done
			require.Len(t, hook.times, 3, after)
			for i := range 2 {
				waited := hook.times[i+1].Sub(hook.times[i])
				require.GreaterOrEqual(t, waited, c.least, after)
				require.LessOrEqual(t, waited, c.most, after)
			}
		})
	}
}
