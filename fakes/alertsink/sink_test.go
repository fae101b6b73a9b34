package alertsink

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

func newSink(t *testing.T, c Config) *Sink {
	t.Helper()
	s, err := Listen(context.Background(), c)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// client keeps no connections, so that net/http sends nothing twice.
func client() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
}

func post(ctx context.Context, url, body string) (*http.Response, string, error) {
	kind := "application/json"
	if strings.HasPrefix(body, "payload=") {
		kind = "application/x-www-form-urlencoded"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return nil, "", err
	}
	req.Header.Set("Content-Type", kind)
	res, err := client().Do(req)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return res, string(text), err
}

func TestMessages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, body, answer string
		want               Alert
	}{
		{"text", `{"text":"AI process is down\nsince 12:00"}`, "ok", Alert{Title: "AI process is down", Text: "AI process is down\nsince 12:00"}},
		{"alert", `{"username":"consumer","text":"","attachments":[{"color":"danger","title":"AI process down","text":"exit 137"}]}`, "ok", Alert{Title: "AI process down", Text: "exit 137"}},
		{"all-clear", `{"text":"x","attachments":[{"color":"good","title":"AI process down","text":"is back"}]}`, "ok", Alert{Title: "AI process down", Text: "x\nis back", AllClear: true}},
		{"two attachments", `{"attachments":[{"text":"a"},{"color":"good","title":"T","pretext":"p","fallback":"f"}]}`, "ok", Alert{Title: "T", Text: "a\np\nf", AllClear: true}},
		{"title alone", `{"attachments":[{"title":"T"}]}`, "ok", Alert{Title: "T"}},
		{"form", "payload=" + url.QueryEscape(`{"text":"hello"}`), "ok", Alert{Title: "hello", Text: "hello"}},
		{"no JSON", `hello`, "invalid_payload", Alert{}},
		{"torn JSON", `{"text":"hello"`, "invalid_payload", Alert{}},
		{"wrong type", `{"attachments":"x"}`, "invalid_payload", Alert{}},
		{"nothing", ``, "invalid_payload", Alert{}},
		{"empty form", `payload=`, "invalid_payload", Alert{}},
		{"bad form", `payload=%zz`, "invalid_payload", Alert{}},
		{"no text", `{"attachments":[{"color":"good"}]}`, "no_text", Alert{}},
		{"too large", `{"text":"` + strings.Repeat("x", maxBody) + `"}`, "invalid_payload", Alert{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSink(t, Config{})
			res, answer, err := post(t.Context(), s.URL(), c.body)
			require.NoError(t, err)
			require.Equal(t, c.answer, answer)
			if c.answer != "ok" {
				require.Equal(t, 400, res.StatusCode)
				require.Empty(t, s.Alerts())
				return
			}
			require.Equal(t, 200, res.StatusCode)
			require.Equal(t, []Alert{c.want}, s.Alerts())
		})
	}
}

func TestOtherRequests(t *testing.T) {
	t.Parallel()
	s := newSink(t, Config{})
	res, _, err := post(t.Context(), strings.Replace(s.URL(), "services", "service", 1), `{"text":"x"}`)
	require.NoError(t, err)
	require.Equal(t, 404, res.StatusCode)
	res, err = client().Get(s.URL())
	require.NoError(t, err)
	res.Body.Close()
	require.Equal(t, 405, res.StatusCode)
	require.Empty(t, s.Alerts())
}

func TestLedgerAndHookHaveOneOrder(t *testing.T) {
	t.Parallel()
	var told []Alert
	s := newSink(t, Config{OnAlert: func(a Alert) { told = append(told, a) }})
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if _, _, err := post(t.Context(), s.URL(), fmt.Sprintf(`{"text":"%d"}`, i)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.Len(t, told, 20)
	require.Equal(t, told, s.Alerts())
}

func TestRules(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule   Rule
		status int
		after  string
		err    error
	}{
		{Rule{Do: Limit}, 429, "1", nil},
		{Rule{Do: Limit, RetryAfter: script.Duration(2500 * time.Millisecond)}, 429, "3", nil},
		{Rule{Do: Fail}, 500, "", nil},
		{Rule{Do: Fail, Status: 503}, 503, "", nil},
		{Rule{Do: Cut}, 0, "", syscall.ECONNRESET},
	} {
		t.Run(fmt.Sprint(c.rule.Do, c.rule.Status, c.rule.RetryAfter), func(t *testing.T) {
			t.Parallel()
			s := newSink(t, Config{})
			c.rule.Turn = script.Turn{Nth: 2, Times: 1}
			a, err := s.Add(c.rule)
			require.NoError(t, err)
			for n := 1; n <= 3; n++ {
				res, _, err := post(t.Context(), s.URL(), `{"text":"x"}`)
				if n != 2 {
					require.NoError(t, err)
					require.Equal(t, 200, res.StatusCode)
					continue
				}
				require.ErrorIs(t, err, c.err)
				if c.err == nil {
					require.Equal(t, c.status, res.StatusCode)
					require.Equal(t, c.after, res.Header.Get("Retry-After"))
				}
			}
			require.Equal(t, 1, a.Hits())
			require.Len(t, s.Alerts(), 2)
		})
	}
}

func TestHangEndsWithItsCaller(t *testing.T) {
	t.Parallel()
	s := newSink(t, Config{})
	a, err := s.Add(Rule{Do: Hang})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-a.Hit(); cancel() }()
	_, _, err = post(ctx, s.URL(), `{"text":"x"}`)
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, s.Close(), "waits for what is under way")
	require.Empty(t, s.Alerts())
}

func TestHangEndsWithItsRule(t *testing.T) {
	t.Parallel()
	s := newSink(t, Config{})
	a, err := s.Add(Rule{Do: Hang})
	require.NoError(t, err)
	go func() { <-a.Hit(); a.Remove() }()
	_, answer, err := post(t.Context(), s.URL(), `{"text":"x"}`)
	require.NoError(t, err)
	require.Equal(t, "ok", answer)
	require.Len(t, s.Alerts(), 1)
}

func TestRuleJSON(t *testing.T) {
	t.Parallel()
	var r Rule
	in := `{"do":"limit","retryAfter":"1.5s","nth":2,"times":3}`
	require.NoError(t, json.Unmarshal([]byte(in), &r))
	require.Equal(t, Rule{Do: Limit, RetryAfter: script.Duration(1500 * time.Millisecond), Turn: script.Turn{Nth: 2, Times: 3}}, r)
	out, err := json.Marshal(r)
	require.NoError(t, err)
	require.JSONEq(t, in, string(out))
	for in, want := range map[string]string{
		`{}`:                                "cannot do",
		`{"do":"down"}`:                     "cannot do",
		`{"do":"limit","after":"1s"}`:       "after",
		`{"do":"limit","status":500}`:       "only fail",
		`{"do":"fail","status":200}`:        "400 to 599",
		`{"do":"fail","retryAfter":"1s"}`:   "only limit",
		`{"do":"limit","retryAfter":"-1s"}`: "out of range",
		`{"do":"cut","nth":-1}`:             "negative",
	} {
		require.ErrorContains(t, json.Unmarshal([]byte(in), &r), want, in)
	}
}

// FuzzParse: whatever is posted gives either an alert with words in it or a reason.
func FuzzParse(f *testing.F) {
	f.Add("application/json", []byte(`{"text":"x","attachments":[{"color":"good","title":"T"}]}`))
	f.Add("application/x-www-form-urlencoded", []byte(`payload=%7B%22text%22%3A%22x%22%7D`))
	f.Add("", []byte(`null`))
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		a, wrong := parse(kind, body)
		if (wrong == "") == (a == Alert{}) {
			t.Fatalf("alert %+v, reason %q", a, wrong)
		}
	})
}
