package extension

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/fakes/asgi"
	fake "github.com/comeback-chaos/xk6-comeback/fakes/script"
	"github.com/comeback-chaos/xk6-comeback/fakes/upstream"
	"github.com/comeback-chaos/xk6-comeback/harness"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/server"
)

func parse(fields string) (harness.Spec, error) {
	text := fmt.Sprintf(`{"id": "C1", "target": "proxy", "load": {"rate": 1, "duration": "2s"}, %s}`, fields)
	return parseIncident([]byte(text), "file:///scenarios/a-story.js")
}

func TestBackends(t *testing.T) {
	t.Parallel()
	slow := upstream.Script{Latency: upstream.Latency{Median: fake.Duration(20 * time.Millisecond)}}
	two := server.Spec{Upstream: upstream.Script{Version: "2"}}
	for text, want := range map[string][]server.Spec{
		`[{"asgi": {"app": "django"}, "health": "/up"}]`: {{ASGI: &asgi.Server{App: "django"}, Path: "/up"}},
		`2`:  make([]server.Spec, 2),
		`16`: make([]server.Spec, 16),
		`[]`: {},
		`[{"latency": {"median": "20ms"}}, {"version": "2"}]`: {{Upstream: slow}, two},
		`[{"version": "2"}, {}]`:                              {two, {}}, // nothing of one is left in the next
	} {
		s, err := parse(`"backends": ` + text)
		require.NoError(t, err, text)
		require.Equal(t, want, s.Backends, text)
	}
	for text, want := range map[string]string{
		`0`:                                      "incident(): backends: 0, want 1 to 16",
		`17`:                                     "incident(): backends: 17, want 1 to 16",
		`1.5`:                                    "incident(): backends: 1.5, want how many",
		`"two"`:                                  `incident(): backends: "two", want how many`,
		`null`:                                   "incident(): backends: null, want how many",
		`[{}, {"thread": 2}]`:                    `incident(): backends[1]: upstream script: json: unknown field "thread"`,
		`[{"latency": {"p98": 1}}]`:              `incident(): backends[0]: upstream script: json: unknown field "p98"`,
		`[{"threads": -2}]`:                      "incident(): backends[0]: upstream script: threads -2 is out of range",
		`[{"rules": [{"do": "hang"}]}]`:          "incident(): backends[0].rules: misbehaviour is a fault",
		`[` + strings.Repeat(`{}, `, 16) + `{}]`: "incident(): backends: 17, want at most 16",
		`2, "expect": {"rotation": {"intervall": "1s"}}`:                      `incident(): json: unknown field "intervall"`,
		`2, "expect": {"rotation": {"interval": "1s"}}`:                       "incident(): expect.rotation: it wants",
		`2, "expect": {"turnedAway": {"min": 2}}`:                             `incident(): count {"min": 2}, want 0 <= min <= max`,
		`2, "expect": {"turnedAway": {"min": 2, "max": 1, "status": 429}}`:    `want 0 <= min <= max`,
		`2, "expect": {"turnedAway": {"min": 2, "within": "1s"}}`:             `want 0 <= min <= max`,
		`2, "expect": {"turnedAway": {"min": 1, "max": 2, "status": 404}}`:    `want a status of 429 or 503`,
		`2, "expect": {"turnedAway": {"min": 1, "max": 2, "within": "soon"}}`: `want`,
		`2, "expect": {"errors": -1}`:                                         "incident(): expect: neither unanswered nor errors",
	} {
		_, err := parse(`"backends": ` + text)
		require.ErrorContains(t, err, want, text)
	}
}

func TestExpectationsOfRequests(t *testing.T) {
	t.Parallel()
	s, err := parse(`"expect": {"unanswered": 1, "errors": 2, "turnedAway": {"min": 3, "max": 4, "within": "100ms", "status": 429}, "retries": 0.5, "version": "1", "serves": "2",
		"rotation": {"interval": "1s", "timeout": "2s", "healthy": 3, "unhealthy": 4}}`)
	require.NoError(t, err)
	require.Equal(t, history.Expect{
		Unanswered: 1, Errors: 2, TurnedAway: &history.TurnedAway{Range: history.Range{Min: 3, Max: 4}, Within: 100 * time.Millisecond, Status: 429}, Retries: 0.5, Version: "1", Serves: "2",
		Rotation: &history.Rotation{Interval: time.Second, Timeout: 2 * time.Second, Healthy: 3, Unhealthy: 4},
	}, s.Expect)
	require.Equal(t, "a-story", s.Name)
}
