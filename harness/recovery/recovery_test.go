package recovery_test

import (
	"cmp"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/recovery"
)

const ms = time.Millisecond

// observe gives the series of events.
func observe(events []history.Event) *recovery.Series {
	var s recovery.Series
	for i := range events {
		s.Observe(&events[i])
	}
	return &s
}

// measureEvents measures as the judge does, with the heal at a time.
func measureEvents(t require.TestingT, events []history.Event, from, heal time.Duration) recovery.Outcome {
	s := observe(events)
	inject := events[slices.IndexFunc(events, func(e history.Event) bool { return e.Kind == history.Inject })].At
	steady, err := recovery.Steady(s, from, inject)
	require.NoError(t, err)
	return recovery.Measure(s, steady, heal, recovery.Hold)
}

// measure gives a known run's outcome.
func measure(t require.TestingT, k recovery.Known) recovery.Outcome {
	return measureEvents(t, k.Events(), k.Start, k.Heal())
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
			require.True(t, o.Measured)
			require.True(t, o.Recovered, o.Reason)
			require.InDelta(t, k.Recovery.Seconds(), o.After.Seconds(), recovery.Bucket.Seconds(), o.Reason)
		})
	}
}

// anyKnown draws a known run.
func anyKnown(t *rapid.T) recovery.Known {
	between := func(name string, low, high time.Duration) time.Duration {
		return time.Duration(rapid.Int64Range(int64(low), int64(high)).Draw(t, name))
	}
	return recovery.Known{
		Seed:     rapid.Uint64().Draw(t, "seed"),
		Rate:     rapid.Float64Range(20, 1000).Draw(t, "rate"),
		Fault:    between("fault", 100*ms, 2*time.Second),
		Recovery: between("recovery", 0, 3*time.Second),
		Latency:  between("latency", ms, 200*ms),
		Jitter:   between("jitter", 0, 50*ms),
		Start:    between("start", 0, time.Second),
	}
}

func TestMeasuredErrorIsWithinABucket(t *testing.T) {
	t.Parallel()
	worst := time.Duration(0)
	rapid.Check(t, func(t *rapid.T) {
		k := anyKnown(t)
		o := measure(t, k)
		require.True(t, o.Recovered, o.Reason)
		diff := (o.After - k.Recovery).Abs()
		worst = max(worst, diff)
		require.LessOrEqual(t, diff, recovery.Bucket, "true %v: %s", k.Recovery, o.Reason)
	})
	t.Logf("worst error: %v", worst)
}

func TestShiftingAllTimesShiftsNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		k := anyKnown(t)
		events := k.Events()
		want := measureEvents(t, events, k.Start, k.Heal())
		shift := time.Duration(rapid.Int64Range(1, int64(100*time.Hour)).Draw(t, "shift"))
		for i := range events {
			events[i].At += shift
		}
		require.Equal(t, want, measureEvents(t, events, k.Start+shift, k.Heal()+shift))
	})
}

func TestNotRecovered(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		known recovery.Known
		want  recovery.Outcome
		says  string
	}{
		"never": {recovery.Known{Recovery: -1, After: 4 * time.Second},
			recovery.Outcome{Measured: true}, "messages offered before the heal had no effect"},
		"relapse": {recovery.Known{Recovery: 500 * ms, Relapse: 1500 * ms, After: 5 * time.Second},
			recovery.Outcome{Measured: true, Relapsed: true, After: 510 * ms}, "but out of it again"},
		"load ended before the hold": {recovery.Known{Recovery: 500 * ms, After: 1200 * ms},
			recovery.Outcome{}, "before it had held for 1s"},
		"load ended at once": {recovery.Known{Recovery: 100 * ms, After: 300 * ms},
			recovery.Outcome{}, "only 0.300s of load after the heal"},
		"recovered after the load": {recovery.Known{Recovery: 3 * time.Second, After: 2 * time.Second},
			recovery.Outcome{Measured: true}, "not recovered within 2.000s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := measure(t, c.known)
			require.Contains(t, got.Reason, c.says)
			got.Reason = ""
			require.Equal(t, c.want, got)
		})
	}
}

// later moves an effect, and what follows from it, to another time.
func later(events []history.Event, msg history.MsgID, at time.Duration) []history.Event {
	for i := range events {
		if e := &events[i]; e.Kind == history.Effect && e.Msg == msg {
			e.At = at
		}
	}
	slices.SortStableFunc(events, func(a, b history.Event) int { return cmp.Compare(a.At, b.At) })
	return events
}

func TestLateCompletionOfAnOldMessageIsNoRecoveryYet(t *testing.T) {
	t.Parallel()
	k := recovery.Known{Recovery: 200 * ms, After: 6 * time.Second}
	old := history.MsgID(350) // offered half-way through the fault
	o := measureEvents(t, later(k.Events(), old, k.Heal()+2500*ms), k.Start, k.Heal())
	require.True(t, o.Recovered, o.Reason)
	require.InDelta(t, 2.5, o.After.Seconds(), 0.02, o.Reason)
}

func TestPauseOfTheMachineIsNoRelapse(t *testing.T) {
	t.Parallel()
	k := recovery.Known{Recovery: 200 * ms, After: 6 * time.Second}
	events := k.Events()
	pause, end := k.Heal()+3*time.Second, k.Heal()+3400*ms // longer than the slack, shorter than a relapse
	for i := range events {
		if e := &events[i]; (e.Kind == history.Effect || e.Kind == history.Ack) && e.At > pause && e.At < end {
			e.At = end
		}
	}
	slices.SortStableFunc(events, func(a, b history.Event) int { return cmp.Compare(a.At, b.At) })
	o := measureEvents(t, events, k.Start, k.Heal())
	require.True(t, o.Recovered, o.Reason)
	require.InDelta(t, 0.2, o.After.Seconds(), 0.02)
}

func TestOldMessageThatNeverComesThroughIsNoRecovery(t *testing.T) {
	t.Parallel()
	k := recovery.Known{Recovery: 200 * ms}
	events := slices.DeleteFunc(k.Events(), func(e history.Event) bool { return e.Kind == history.Effect && e.Msg == 350 })
	o := measureEvents(t, events, k.Start, k.Heal())
	require.True(t, o.Measured)
	require.False(t, o.Recovered)
	require.Contains(t, o.Reason, "1 messages offered before the heal")
}

func TestSilenceIsTimeThatPasses(t *testing.T) {
	t.Parallel()
	k := recovery.Known{Recovery: -1}
	events := slices.DeleteFunc(k.Events(), func(e history.Event) bool {
		return e.At > k.Heal() && e.Kind != history.Depth // nothing but probes, and no end of the load
	})
	o := measureEvents(t, events, k.Start, k.Heal())
	require.True(t, o.Measured, o.Reason)
	require.False(t, o.Recovered)
	require.Contains(t, o.Reason, "had no effect")
}

// A broker that has lost its queue sends every message back: there is no backlog, and nothing is done.
func TestNothingDoneIsNoRecoveryWithoutABacklogEither(t *testing.T) {
	t.Parallel()
	k := recovery.Known{Recovery: -1}
	events := k.Events()
	s := observe(events)
	inject := events[slices.IndexFunc(events, func(e history.Event) bool { return e.Kind == history.Inject })].At
	steady, err := recovery.Steady(s, k.Start, inject)
	require.NoError(t, err)
	for _, e := range events {
		if e.Kind == history.Offer {
			s.Discount(e.Msg) // those that had their effect keep it
		}
	}
	o := recovery.Measure(s, steady, k.Heal(), recovery.Hold)
	require.True(t, o.Measured, o.Reason)
	require.False(t, o.Recovered, o.Reason)
}

func TestSteadyKnowsTheLowestRate(t *testing.T) {
	t.Parallel()
	events := []history.Event{{Kind: history.LoadBegin}}
	id := history.MsgID(0)
	for at := time.Duration(0); at < 6*time.Second; at += 10 * ms {
		if at >= 3*time.Second && at < 4500*ms && at%(20*ms) != 0 {
			continue // half the rate for a while
		}
		id++
		events = append(events, history.Event{At: at, Kind: history.Offer, Msg: id}, history.Event{At: at + ms, Kind: history.Effect, Msg: id})
	}
	r, err := recovery.Steady(observe(events), 0, 6*time.Second)
	require.NoError(t, err)
	require.InDelta(t, 50, r.MinRate, 1)
	require.InDelta(t, 85, r.Rate, 1)
}

func TestHalfTheRateIsNoRecovery(t *testing.T) {
	t.Parallel()
	k := recovery.Known{Recovery: 200 * ms, After: 4 * time.Second}
	heal := k.Heal()
	half := slices.DeleteFunc(k.Events(), func(e history.Event) bool {
		return e.Kind == history.Effect && e.At > heal+500*ms && e.Msg%2 == 0
	})
	o := measureEvents(t, half, k.Start, heal)
	require.True(t, o.Measured)
	require.False(t, o.Recovered, o.Reason)
}

func TestSteadyNeedsANormalTimeBefore(t *testing.T) {
	t.Parallel()
	k := recovery.Known{}
	s := observe(k.Events())
	for name, c := range map[string]struct {
		from, to time.Duration
		says     string
	}{
		"no time at all": {0, 0, "only 0s of load"},
		"too short":      {0, time.Second, "only 750ms of load"},
		"in the fault":   {2600 * ms, 4 * time.Second, "did not keep up"},
	} {
		_, err := recovery.Steady(s, c.from, c.to)
		require.ErrorContains(t, err, c.says, name)
	}
	_, err := recovery.Steady(&recovery.Series{}, 0, 10*time.Second)
	require.Error(t, err, "an empty series")

	r, err := recovery.Steady(s, 0, 3*time.Second)
	require.NoError(t, err)
	require.Equal(t, recovery.Range{
		From: 750 * ms, To: 3 * time.Second, Rate: 100, MinRate: 100, Latency: 10 * ms, Backlog: 1,
	}, r)
}

// TestLiveMeasureAgreesWithTheOneAfterwards asks again and again while the run goes on, as the lab does.
func TestLiveMeasureAgreesWithTheOneAfterwards(t *testing.T) {
	t.Parallel()
	k := recovery.Known{Recovery: 700 * ms, Jitter: 20 * ms}
	events := k.Events()
	steady, err := recovery.Steady(observe(events), 0, 3*time.Second)
	require.NoError(t, err)
	var live recovery.Series
	var first recovery.Outcome
	next, at := k.Heal(), time.Duration(0)
	for i := range events {
		live.Observe(&events[i])
		if events[i].At < next || first.Recovered {
			continue
		}
		next += 50 * ms
		first, at = recovery.Measure(&live, steady, k.Heal(), recovery.Hold), events[i].At
		require.NotEmpty(t, first.Reason)
	}
	require.True(t, first.Recovered, first.Reason)
	require.Equal(t, measure(t, k), first)
	require.InDelta(t, (k.Heal() + k.Recovery + recovery.Hold).Seconds(), at.Seconds(), 0.1, "told as soon as it has held")
}

func TestMeasureOfNothing(t *testing.T) {
	t.Parallel()
	o := recovery.Measure(&recovery.Series{}, recovery.Range{}, 0, 0)
	require.False(t, o.Measured || o.Recovered)
	require.NotEmpty(t, o.Reason)
	o = recovery.Measure(&recovery.Series{}, recovery.Range{}, math.MaxInt64, math.MaxInt64)
	require.False(t, o.Measured || o.Recovered)
}

// TestNoisyMachine pauses the target for up to 200 ms, once in every 700 ms of the run.
func TestNoisyMachine(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		k := recovery.Known{Recovery: 400 * ms, Jitter: 20 * ms, After: 6 * time.Second, Seed: rapid.Uint64().Draw(t, "seed")}
		events := k.Events()
		for at := time.Duration(0); at < k.Heal()+6*time.Second; at += 700 * ms {
			begin := at + time.Duration(rapid.Int64Range(0, int64(400*ms)).Draw(t, "at"))
			end := begin + time.Duration(rapid.Int64Range(0, int64(200*ms)).Draw(t, "pause"))
			for i := range events {
				if e := &events[i]; (e.Kind == history.Effect || e.Kind == history.Ack) && e.At > begin && e.At < end {
					e.At = end
				}
			}
		}
		slices.SortStableFunc(events, func(a, b history.Event) int { return cmp.Compare(a.At, b.At) })
		o := measureEvents(t, events, k.Start, k.Heal())
		require.True(t, o.Recovered, o.Reason)
		require.GreaterOrEqual(t, o.After, k.Recovery-recovery.Tick)
		require.LessOrEqual(t, o.After, k.Recovery+recovery.Bucket+400*ms, "a pause just then delays it, no more")
	})
}
