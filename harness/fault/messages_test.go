package fault

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/fakes/apisink"
	"github.com/comeback-chaos/xk6-comeback/fakes/script"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/load"
)

// queueBench is a bench whose queue takes messages.
type queueBench struct {
	*bench
	api    *apisink.Sink
	dead   string
	full   error
	sent   []load.Props
	bodies [][]byte
	buried bool
	early  bool // each message is delivered before its id is known
}

func newQueueBench(t *testing.T) *queueBench {
	t.Helper()
	api, err := apisink.Listen(t.Context(), apisink.Config{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, api.Close()) })
	return &queueBench{bench: newBench(t), api: api, dead: "jobs.dead"}
}

func (b *queueBench) API() *apisink.Sink          { return b.api }
func (b *queueBench) Dead() string                { return b.dead }
func (b *queueBench) Buried(context.Context) bool { return b.buried }
func (b *queueBench) Submit(body []byte, props load.Props) (history.MsgID, error) {
	if b.full != nil {
		return 0, b.full
	}
	b.sent, b.bodies = append(b.sent, props), append(b.bodies, body)
	id := history.MsgID(len(b.sent))
	if b.early {
		b.Record(&history.Event{Kind: history.Deliver, Conn: benchTargetConn, Msg: id})
	}
	return id, nil
}

const benchTargetConn = 2

func TestMessagesAreWhatTheyShouldBe(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		f     Messages
		props load.Props
		valid bool
		size  int
	}{
		"plain":     {Messages{Kind: "plain"}, load.Props{}, true, 0},
		"urgent":    {Messages{Kind: "plain", Priority: 9, Count: 3}, load.Props{Priority: 9}, true, 0},
		"large":     {Messages{Kind: "large", Size: 5000}, load.Props{}, true, 5000},
		"10 MB":     {Messages{Kind: "large"}, load.Props{}, true, 10_000_000},
		"malformed": {Messages{Kind: "malformed", Count: 14}, load.Props{Doomed: true}, false, 0},
		"anonymous": {Messages{Kind: "anonymous"}, load.Props{Doomed: true, Anonymous: true}, true, 0},
		"poison":    {Messages{Kind: "poison"}, load.Props{Doomed: true}, true, 0},
		"expiring":  {Messages{Kind: "expiring", Expiration: script.Duration(300 * time.Millisecond)}, load.Props{Doomed: true, Expiration: 300 * time.Millisecond}, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newQueueBench(t)
			in, err := c.f.Inject(t.Context(), b)
			require.NoError(t, err)
			require.NoError(t, in.Heal(t.Context()))
			require.Len(t, b.sent, max(1, c.f.Count))
			for i, props := range b.sent {
				require.Equal(t, c.props, props)
				var job struct{ Prompt string }
				err := json.Unmarshal(b.bodies[i], &job)
				require.Equal(t, c.valid, err == nil && job.Prompt != "", "%s", b.bodies[i])
				if c.size > 0 {
					require.Len(t, b.bodies[i], c.size)
				}
			}
		})
	}
}

func TestMessagesAreInEffectOnceDelivered(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind  string
		early bool
		event history.Event
		is    bool
	}{
		"delivered":                {kind: "plain", event: history.Event{Kind: history.Deliver, Conn: benchTargetConn, Msg: 1}, is: true},
		"delivered before known":   {kind: "plain", early: true, is: true},
		"another":                  {kind: "plain", event: history.Event{Kind: history.Deliver, Conn: benchTargetConn, Msg: 77}},
		"to somebody else":         {kind: "plain", event: history.Event{Kind: history.Deliver, Conn: 3, Msg: 1}},
		"sent only":                {kind: "plain", event: history.Event{Kind: history.Publish, Conn: benchTargetConn, Msg: 1}},
		"no message-id":            {kind: "anonymous", event: history.Event{Kind: history.Deliver, Conn: benchTargetConn}, is: true},
		"no message-id, but plain": {kind: "plain", event: history.Event{Kind: history.Deliver, Conn: benchTargetConn}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newQueueBench(t)
			b.early = c.early
			in, err := (&Messages{Kind: c.kind, Count: 2}).Inject(t.Context(), b)
			require.NoError(t, err)
			b.Record(&c.event)
			b.Record(&c.event)
			_, err = in.InEffect(brief(t))
			require.Equal(t, c.is, err == nil, "%v", err)
			require.NoError(t, in.Heal(t.Context()))
		})
	}
}

func TestMessagesAreGoneAtTheirEnd(t *testing.T) {
	t.Parallel()
	b := newQueueBench(t)
	in, err := (&Messages{Kind: "plain", Count: 2}).Inject(t.Context(), b)
	require.NoError(t, err)
	require.NoError(t, in.Heal(t.Context()))
	for _, job := range []string{"m1", "m2"} {
		_, err := in.Gone(brief(t))
		require.ErrorContains(t, err, "of 2 messages had no effect yet")
		b.report(t, job)
	}
	evidence, err := in.Gone(t.Context())
	require.NoError(t, err)
	require.Equal(t, "each of 2 messages had its effect", evidence)
}

func (b *queueBench) report(t *testing.T, job string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, b.api.URL()+"/images/"+job, strings.NewReader("{}"))
	require.NoError(t, err)
	req.Header.Set("Idempotency-Key", job)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, 1, b.api.Effects(job))
}

func TestDoomedMessagesAreGoneOnceBuried(t *testing.T) {
	t.Parallel()
	for _, f := range []*Messages{{Kind: "malformed"}, {Kind: "expiring", Expiration: script.Duration(300 * time.Millisecond)}} {
		b := newQueueBench(t)
		in, err := f.Inject(t.Context(), b)
		require.NoError(t, err)
		_, err = in.Gone(brief(t))
		require.ErrorContains(t, err, "the dead-letter queue does not hold all")
		b.buried = true
		if f.Kind == "expiring" {
			_, err = in.InEffect(t.Context())
			require.NoError(t, err, "it is never delivered")
		}
		require.NoError(t, in.Heal(t.Context()))
		_, err = in.Gone(t.Context())
		require.NoError(t, err)
	}
}

func TestMessagesThatMakeNoSense(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]*Messages{
		`kind: "", want one of anonymous, expiring`: {},
		`count: -1, want 1 to 100000`:               {Kind: "plain", Count: -1},
		`priority: 3 has no meaning`:                {Kind: "large", Priority: 3},
		`size: 7, want 1000 to 30000000`:            {Kind: "large", Size: 7},
		`size: 7000 has no meaning`:                 {Kind: "plain", Size: 7000},
		`expiration: 0s, want one above 0`:          {Kind: "expiring"},
		`expiration: 1s, want one above 0`:          {Kind: "plain", Expiration: script.Duration(time.Second)},
		`the target has no dead-letter queue`:       {Kind: "poison"},
		`message 1 of 1: load: full`:                {Kind: "plain"},
	} {
		b := newQueueBench(t)
		b.dead, b.full = "", errors.New("load: full")
		_, err := f.Inject(t.Context(), b)
		require.ErrorContains(t, err, want)
		require.Empty(t, b.watches)
	}
}
