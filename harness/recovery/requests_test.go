package recovery

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// requests plays a load of 100 requests a second for ten seconds; fails tells which have no good answer.
func requests(fails func(at time.Duration) bool) *Series {
	s := &Series{}
	s.Observe(&history.Event{Kind: history.LoadBegin})
	for n := range 1000 {
		at := time.Duration(n) * 10 * time.Millisecond
		id := history.MsgID(n + 1)
		s.Observe(&history.Event{Kind: history.Offer, At: at, Msg: id})
		answer := history.Event{Kind: history.Answer, At: at + 5*time.Millisecond, Msg: id, Code: 200, Flags: history.Good}
		if fails(at) {
			answer.Code, answer.Flags = 503, 0
		}
		s.Observe(&answer)
	}
	s.Observe(&history.Event{Kind: history.LoadEnd, At: 10 * time.Second})
	return s
}

func TestRequestsThatFail(t *testing.T) {
	t.Parallel()
	const inject, heal = 3 * time.Second, 5 * time.Second
	within := func(from, to time.Duration) func(time.Duration) bool {
		return func(at time.Duration) bool { return at >= from && at < to }
	}
	for name, c := range map[string]struct {
		fails func(time.Duration) bool
		want  Outcome
	}{
		"until the heal":         {within(inject, heal), Outcome{Measured: true, Recovered: true}},
		"for a second after it":  {within(inject, heal+time.Second), Outcome{Measured: true, Recovered: true, After: time.Second}},
		"for ever":               {within(inject, time.Hour), Outcome{Measured: true}},
		"again, two seconds on":  {within(heal+2*time.Second, heal+3*time.Second), Outcome{Measured: true, Relapsed: true}},
		"never, and are in time": {within(0, 0), Outcome{Measured: true, Recovered: true}},
		"as before the fault":    {func(at time.Duration) bool { return at%(200*time.Millisecond) == 0 }, Outcome{Measured: true, Recovered: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := requests(c.fails)
			require.Zero(t, s.Backlog(), "a request that failed waits no longer")
			r, err := Steady(s, 0, inject)
			require.NoError(t, err)
			got := Measure(s, r, heal, 0)
			got.Reason = ""
			require.Equal(t, c.want, got)
		})
	}
	failing := requests(within(inject, time.Hour))
	r, err := Steady(failing, 0, inject)
	require.NoError(t, err)
	require.Contains(t, Measure(failing, r, heal, 0).Reason, "100 requests failed beside 0")
	_, err = Steady(requests(within(0, time.Hour)), 0, inject)
	require.ErrorContains(t, err, "did not keep up")
}
