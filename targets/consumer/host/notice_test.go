package host_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer/host"
)

// service answers with these, each once; the last one repeats.
type answer struct {
	status int
	body   string
}

func service(t *testing.T, token answer, notices ...answer) (*host.Notices, func() (tokens int)) {
	t.Helper()
	tokens, n := 0, 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := token
		switch {
		case r.Method == http.MethodPut && r.URL.Path == "/latest/api/token" && r.Header.Get("X-aws-ec2-metadata-token-ttl-seconds") == "21600":
			tokens++
		case r.Method == http.MethodGet && r.URL.Path == "/latest/meta-data/spot/instance-action" && r.Header.Get("X-aws-ec2-metadata-token") == token.body:
			a = notices[min(n, len(notices)-1)]
			n++
		default:
			a = answer{http.StatusTeapot, r.Method + " " + r.URL.Path}
		}
		w.WriteHeader(a.status)
		_, _ = w.Write([]byte(a.body))
	}))
	t.Cleanup(s.Close)
	return &host.Notices{Metadata: s.URL + "/", HTTP: s.Client()}, func() int { return tokens }
}

func TestNotices(t *testing.T) {
	t.Parallel()
	good := answer{200, "AQAE-token=="}
	for name, c := range map[string]struct {
		token, notice answer
		want          *host.Notice
		says          string
	}{
		"none":                 {good, answer{404, "Not Found"}, nil, ""},
		"terminate":            {good, answer{200, `{"action":"terminate","time":"2026-11-22T08:22:00Z"}`}, &host.Notice{Action: "terminate", Time: time.Date(2026, 11, 22, 8, 22, 0, 0, time.UTC)}, ""},
		"hibernate":            {good, answer{200, `{"action":"hibernate","time":"2026-11-22T08:22:00Z"}`}, &host.Notice{Action: "hibernate", Time: time.Date(2026, 11, 22, 8, 22, 0, 0, time.UTC)}, ""},
		"an error":             {good, answer{500, "oops"}, nil, "status 500"},
		"a page":               {good, answer{200, "<html>"}, nil, "no notice"},
		"half of it":           {good, answer{200, `{"action":"terminate","ti`}, nil, "no notice"},
		"another action":       {good, answer{200, `{"action":"dance","time":"2026-11-22T08:22:00Z"}`}, nil, "dance"},
		"no time":              {good, answer{200, `{"action":"terminate"}`}, nil, "no notice"},
		"a time that is none":  {good, answer{200, `{"action":"terminate","time":"soon"}`}, nil, "no notice"},
		"no token":             {answer{403, ""}, answer{404, ""}, nil, "token, status 403"},
		"a page for the token": {answer{200, "<html> </html>"}, answer{404, ""}, nil, "token, status 200"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n, _ := service(t, c.token, c.notice)
			got, err := n.Ask(t.Context())
			if c.says != "" {
				require.ErrorIs(t, err, host.ErrNoNotice)
				require.ErrorContains(t, err, c.says)
				require.Nil(t, got)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

func TestNoticesKeepTheirSession(t *testing.T) {
	t.Parallel()
	n, tokens := service(t, answer{200, "t"}, answer{404, ""}, answer{404, ""}, answer{401, ""}, answer{404, ""})
	for range 2 {
		_, err := n.Ask(t.Context())
		require.NoError(t, err)
	}
	require.Equal(t, 1, tokens())
	_, err := n.Ask(t.Context())
	require.ErrorContains(t, err, "status 401")
	_, err = n.Ask(t.Context())
	require.NoError(t, err)
	require.Equal(t, 2, tokens(), "a token that is not taken any more is asked for anew")
}
