package fault

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/fakes/alertsink"
	"github.com/comeback-chaos/xk6-comeback/fakes/apisink"
	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

func TestSpentWaitsForEachNumber(t *testing.T) {
	t.Parallel()
	hits := []int{0, 0, 0}
	of := func(i, times int) turns {
		return turns{what: "rule", times: times, hits: func() int { return hits[i] }}
	}
	require.Nil(t, spent(of(0, 0), of(1, 0)), "they act for ever")
	wait := spent(of(0, 0), of(1, 2), of(2, 1))
	hits[1], hits[2] = 1, 1
	require.ErrorContains(t, wait(brief(t)), "rule has acted 1 of 2 times")
	hits[1], hits[2] = 2, 0
	require.ErrorContains(t, wait(brief(t)), "rule has acted 0 of 1 times")
	hits[2] = 1
	require.NoError(t, wait(brief(t)))
}

// What a script waits for ends with the fault, and is refused by one that has no number.
func TestActiveSpent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		lab, f := &notebook{}, newNoop()
		a, err := Start(t.Context(), lab, 1, Spec{Fault: "noop"}, f)
		require.NoError(t, err)
		require.ErrorIs(t, a.Spent(t.Context()), ErrEndless)

		over := errors.New("over")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(over)
		f.times = make(chan struct{})
		a, err = Start(t.Context(), lab, 2, Spec{Fault: "noop"}, f)
		require.NoError(t, err)
		require.ErrorIs(t, a.Spent(ctx), over)
		got := make(chan error)
		go func() { got <- a.Spent(t.Context()) }()
		synctest.Wait()
		require.Empty(t, got)
		require.NoError(t, a.Heal(t.Context()))
		close(f.pass)
		require.ErrorIs(t, <-got, errUntouched)

		f = newNoop()
		f.times = make(chan struct{})
		a, err = Start(t.Context(), lab, 3, Spec{Fault: "noop"}, f)
		require.NoError(t, err)
		close(f.times)
		require.NoError(t, a.Spent(t.Context()))
		require.NoError(t, a.Heal(t.Context()))
	})
}

// Which faults have a number to wait for.
func TestFaultsThatCanBeSpent(t *testing.T) {
	t.Parallel()
	twice := script.Turn{Times: 2}
	api, err := apisink.Listen(t.Context(), apisink.Config{})
	require.NoError(t, err)
	alerts, err := alertsink.Listen(t.Context(), alertsink.Config{})
	require.NoError(t, err)
	b := newBench(t)
	b.api, b.alerts = api, alerts
	for _, f := range []Fault{
		&API{Rules: []apisink.Rule{{Do: apisink.Fail, Turn: twice}}},
		&AlertSink{Rules: []alertsink.Rule{{Do: alertsink.Fail, Turn: twice}}},
		&On{Method: "ack", Do: "swallow", Times: 2},
	} {
		in := inject(t, b, f)
		require.ErrorContains(t, in.Spent(brief(t)), "has acted 0 of 2 times")
		require.NoError(t, in.Heal(t.Context()))
	}
}
