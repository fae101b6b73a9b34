package metadata_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/comeback-chaos/xk6-comeback/fakes/metadata"
	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		http.DefaultClient.CloseIdleConnections()
		os.Exit(code)
	}))
}

func listen(t *testing.T, c metadata.Config) *metadata.Service {
	t.Helper()
	s, err := metadata.Listen(context.Background(), c)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// ask gives status and body, and 0 with the error when there is no answer.
func ask(t *testing.T, method, url string, headers ...string) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(body)
}

func token(t *testing.T, s *metadata.Service, ttl string) string {
	t.Helper()
	status, body := ask(t, http.MethodPut, s.URL()+metadata.PathToken, metadata.HeaderTTL, ttl)
	require.Equal(t, http.StatusOK, status, body)
	return body
}

func TestSession(t *testing.T) {
	t.Parallel()
	var later atomic.Int64
	s := listen(t, metadata.Config{Instance: "i-1", Region: "eu-west-1", Now: func() time.Time {
		return time.Unix(1_700_000_000, 0).Add(time.Duration(later.Load()))
	}})
	good := token(t, s, "60")
	for name, c := range map[string]struct {
		method, path string
		headers      []string
		status       int
		body         string
	}{
		"instance id":           {http.MethodGet, metadata.PathInstance, []string{metadata.HeaderToken, good}, 200, "i-1"},
		"region":                {http.MethodGet, metadata.PathRegion, []string{metadata.HeaderToken, good}, 200, "eu-west-1"},
		"no notice":             {http.MethodGet, metadata.PathAction, []string{metadata.HeaderToken, good}, 404, "Not Found"},
		"unknown path":          {http.MethodGet, "/latest/meta-data/iam", []string{metadata.HeaderToken, good}, 404, ""},
		"no token":              {http.MethodGet, metadata.PathInstance, nil, 401, ""},
		"a token of another":    {http.MethodGet, metadata.PathInstance, []string{metadata.HeaderToken, "x"}, 401, ""},
		"POST":                  {http.MethodPost, metadata.PathInstance, []string{metadata.HeaderToken, good}, 405, ""},
		"token by GET":          {http.MethodGet, metadata.PathToken, []string{metadata.HeaderTTL, "60"}, 405, ""},
		"token without TTL":     {http.MethodPut, metadata.PathToken, nil, 400, "1 to 21600"},
		"token for 0 s":         {http.MethodPut, metadata.PathToken, []string{metadata.HeaderTTL, "0"}, 400, ""},
		"token for 6 h":         {http.MethodPut, metadata.PathToken, []string{metadata.HeaderTTL, "21600"}, 200, ""},
		"token for longer":      {http.MethodPut, metadata.PathToken, []string{metadata.HeaderTTL, "21601"}, 400, ""},
		"token through a proxy": {http.MethodPut, metadata.PathToken, []string{metadata.HeaderTTL, "60", "X-Forwarded-For", "1.2.3.4"}, 403, ""},
	} {
		status, body := ask(t, c.method, s.URL()+c.path, c.headers...)
		require.Equal(t, c.status, status, name)
		require.Contains(t, body, c.body, name)
	}
	later.Store(int64(61 * time.Second))
	status, _ := ask(t, http.MethodGet, s.URL()+metadata.PathInstance, metadata.HeaderToken, good)
	require.Equal(t, 401, status, "expired")
}

func TestNotice(t *testing.T) {
	t.Parallel()
	s := listen(t, metadata.Config{Now: func() time.Time { return time.Unix(1_700_000_000, 1) }})
	n := s.Announce(2 * time.Second)
	require.Equal(t, time.Unix(1_700_000_003, 0), n.At(), "rounded up: nobody is ended before the time that was told")
	status, _ := ask(t, http.MethodGet, s.URL()+metadata.PathAction)
	require.Equal(t, 401, status)
	select {
	case <-n.Read():
		require.Fail(t, "nobody was given it")
	default:
	}
	for range 2 {
		status, body := ask(t, http.MethodGet, s.URL()+metadata.PathAction, metadata.HeaderToken, token(t, s, "60"))
		require.Equal(t, 200, status)
		require.JSONEq(t, `{"action":"terminate","time":"2023-11-14T22:13:23Z"}`, body)
		<-n.Read()
	}
	s.Withdraw()
	status, _ = ask(t, http.MethodGet, s.URL()+metadata.PathAction, metadata.HeaderToken, token(t, s, "60"))
	require.Equal(t, 404, status)
}

func TestRules(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rule   metadata.Rule
		status int
		body   string
	}{
		"fail":          {metadata.Rule{Do: metadata.Fail}, 500, "Internal"},
		"fail with 404": {metadata.Rule{Do: metadata.Fail, Status: 404}, 404, ""},
		"garbage":       {metadata.Rule{Do: metadata.Garbage}, 200, "captive portal"},
		"cut":           {metadata.Rule{Do: metadata.Cut}, 0, "reset by peer"},
		"slow":          {metadata.Rule{Do: metadata.Slow, Delay: script.Duration(time.Millisecond)}, 404, ""},
		"on the token":  {metadata.Rule{Do: metadata.Fail, On: metadata.OnToken}, 404, ""},
		"on the notice": {metadata.Rule{Do: metadata.Fail, On: metadata.OnNotice, Status: 503}, 503, ""},
		"second":        {metadata.Rule{Do: metadata.Fail, Turn: script.Turn{Nth: 2}}, 404, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := listen(t, metadata.Config{})
			good := token(t, s, "60")
			a, err := s.Add(c.rule)
			require.NoError(t, err)
			status, body := ask(t, http.MethodGet, s.URL()+metadata.PathAction, metadata.HeaderToken, good)
			require.Equal(t, c.status, status, body)
			require.Contains(t, body, c.body)
			a.Remove()
			answered := s.Answered()
			status, _ = ask(t, http.MethodGet, s.URL()+metadata.PathAction, metadata.HeaderToken, good)
			require.Equal(t, 404, status)
			<-answered
		})
	}
}

// TestHang wants a request that hangs to be answered once the rule is gone, and no other way.
func TestHang(t *testing.T) {
	t.Parallel()
	s := listen(t, metadata.Config{})
	good, answered := token(t, s, "60"), s.Answered()
	a, err := s.Add(metadata.Rule{Do: metadata.Hang})
	require.NoError(t, err)
	got := make(chan int)
	go func() {
		status, _ := ask(t, http.MethodGet, s.URL()+metadata.PathAction, metadata.HeaderToken, good)
		got <- status
	}()
	<-a.Hit()
	select {
	case <-got:
		require.Fail(t, "it was answered")
	case <-answered:
		require.Fail(t, "nothing was answered")
	default:
	}
	a.Remove()
	require.Equal(t, 404, <-got)
}

func TestRuleJSON(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"do":"fail","on":"token","status":503,"nth":2,"times":1}`, `{"do":"slow","delay":"1.5s"}`,
	} {
		var r metadata.Rule
		require.NoError(t, json.Unmarshal([]byte(text), &r), text)
		again, err := json.Marshal(r)
		require.NoError(t, err)
		require.JSONEq(t, text, string(again))
	}
	for text, says := range map[string]string{
		`{"do":"explode"}`:              "cannot do",
		`{"do":"fail","on":"region"}`:   "want \"token\"",
		`{"do":"fail","status":200}`:    "400 to 599",
		`{"do":"hang","status":500}`:    "only fail",
		`{"do":"slow"}`:                 "slow needs one",
		`{"do":"fail","delay":"1s"}`:    "nothing else has one",
		`{"do":"fail","nth":-1}`:        "negative",
		`{"do":"slow","delay":"soon"}`:  "no duration",
		`{"do":"fail","what":"else"}`:   "unknown field",
		`{"do":"slow","delay":"11m0s"}`: "out of range",
	} {
		var r metadata.Rule
		err := json.Unmarshal([]byte(text), &r)
		require.Error(t, err, text)
		require.True(t, strings.Contains(err.Error(), says), "%s: %v", text, err)
	}
}
