package recovery_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/recovery"
)

const ms = time.Millisecond

// measure gives a known run's outcome.
func measure(t require.TestingT, k recovery.Known) recovery.Outcome {
	var s recovery.Series
	events := k.Events()
	for i := range events {
		s.Observe(&events[i])
	}
	inject := events[slices.IndexFunc(events, func(e history.Event) bool { return e.Kind == history.Inject })].At
	steady, err := recovery.Steady(&s, k.Start, inject)
	require.NoError(t, err)
	return recovery.Measure(&s, steady, k.Heal(), recovery.Hold)
}

func TestMeasureFindsTheKnownRecoveryTime(t *testing.T) {
	t.Parallel()
	for name, k := range map[string]recovery.Known{
		"at once":                 {},
		"40 ms":                   {Recovery: 40 * ms},
		"half a second":           {Recovery: 500 * ms},
		"two seconds":             {Recovery: 2 * time.Second},
		"short fault, few in it":  {Fault: 50 * ms, Recovery: 200 * ms},
		"noisy":                   {Recovery: 700 * ms, Jitter: 80 * ms, Seed: 3},
		"slow job":                {Recovery: time.Second, Latency: 600 * ms, Jitter: 300 * ms},
		"few messages":            {Recovery: 500 * ms, Rate: 10},
		"many messages":           {Recovery: 300 * ms, Rate: 5000, Jitter: 5 * ms},
		"load begins at odd time": {Recovery: 500 * ms, Start: 1234567 * time.Microsecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := measure(t, k)
			require.True(t, o.Recovered, o.Reason)
			require.InDelta(t, k.Recovery.Seconds(), o.After.Seconds(), recovery.Bucket.Seconds(), o.Reason)
		})
	}
}

func TestMeasuredErrorIsWithinABucket(t *testing.T) {
	t.Parallel()
	worst := time.Duration(0)
	rapid.Check(t, func(t *rapid.T) {
		k := recovery.Known{
			Seed:     rapid.Uint64().Draw(t, "seed"),
			Rate:     rapid.Float64Range(20, 1000).Draw(t, "rate"),
			Fault:    time.Duration(rapid.Int64Range(int64(100*ms), int64(2*time.Second)).Draw(t, "fault")),
			Recovery: time.Duration(rapid.Int64Range(0, int64(3*time.Second)).Draw(t, "recovery")),
			Latency:  time.Duration(rapid.Int64Range(int64(ms), int64(200*ms)).Draw(t, "latency")),
			Jitter:   time.Duration(rapid.Int64Range(0, int64(50*ms)).Draw(t, "jitter")),
			Start:    time.Duration(rapid.Int64Range(0, int64(time.Second)).Draw(t, "start")),
		}
		o := measure(t, k)
		require.True(t, o.Recovered, o.Reason)
		diff := max(o.After-k.Recovery, k.Recovery-o.After)
		worst = max(worst, diff)
		require.LessOrEqual(t, diff, recovery.Bucket, "true %v: %s", k.Recovery, o.Reason)
	})
	t.Logf("worst error: %v", worst)
}
