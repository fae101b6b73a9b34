package check_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/harness/check"
	. "github.com/comeback-chaos/xk6-comeback/harness/history" //nolint:revive // hand-written histories are made of its names
)

// peaked is a server that is at its best with four workers: 106, 180, 219, 228, 203 and 170 answers a second.
var peaked = map[int]float64{1: 106, 2: 180, 3: 219, 4: 228, 6: 203, 8: 170}

// passes are the events of a sweep: so many rounds over each number of workers, with a little noise.
func passes(throughput map[int]float64, rounds int, change func(workers int, p *Pass)) []Event {
	random := rand.New(rand.NewPCG(1, 2))
	events := []Event{{At: ms, Kind: Probe, Who: CeilingProbe, N: 5000}}
	for round := range rounds {
		for n := 1; n <= 64; n++ {
			x, ok := throughput[n]
			if !ok {
				continue
			}
			good := int64(math.Round(2 * x * (1 + 0.01*random.NormFloat64())))
			p := Pass{Round: round, Window: 2 * sec, Clients: 32, Good: good, First: good / 2, P50: ms, P99: 2 * ms, CPU: 0.05}
			if change != nil {
				change(n, &p)
			}
			text, _ := json.Marshal(p)
			events = append(events, Event{At: 2 * ms, Kind: Probe, Who: PassProbe, Code: int32(n), N: p.Good, Text: string(text)})
		}
	}
	return events
}

// swept makes a run's description that of a sweep over a server that is deployed with so many workers.
func swept(deployed int, counts ...int) func(*Meta) {
	if counts == nil {
		counts = []int{1, 2, 3, 4, 6, 8}
	}
	return func(m *Meta) {
		m.HTTP, m.Sweep = true, &Swept{Counts: counts, Rounds: 4, Share: 0.9, Deployed: deployed}
	}
}

func TestWorkers(t *testing.T) {
	t.Parallel()
	good := [][]Event{passes(peaked, 4, nil)}
	changed := func(change func(int, *Pass)) [][]Event { return [][]Event{passes(peaked, 4, change)} }
	at := func(n int, change func(*Pass)) [][]Event {
		return changed(func(workers int, p *Pass) {
			if workers == n {
				change(p)
			}
		})
	}
	judgeRows(t, "workers", all, []row{
		{name: "right", meta: swept(4), events: good, want: check.Pass, says: "the 4 workers with which it is deployed give"},
		{name: "nearly", meta: swept(3), events: good, want: check.Pass, says: "3 are enough"},
		{name: "not said", meta: swept(0), events: good, want: check.Pass, says: "4 workers recommended (90 %: 4 to 4)"},
		{name: "too many", meta: swept(8), events: good, want: check.Fail, says: "the 8 workers with which it is deployed give"},
		{name: "too few", meta: swept(1), events: good, want: check.Fail, says: "the 1 worker with which it is deployed give"},
		{name: "on the edge", meta: swept(6), events: good, want: check.Unknown, says: "more rounds would tell"},
		{name: "beyond", meta: swept(12), events: good, want: check.Unknown, says: "12 workers, with which it is deployed, are outside of the sweep"},
		{name: "nothing", meta: swept(4), want: check.Unknown, says: "nothing was measured"},
		{name: "no ceiling", meta: swept(4), events: [][]Event{good[0][1:]}, want: check.Unknown, says: "what the load itself can do was not measured"},
		{name: "unreadable", meta: swept(4), events: append(good, one(Event{At: 3 * ms, Kind: Probe, Who: PassProbe, Code: 4, Text: "{"})), want: check.Unknown, says: "cannot be read"},
		{name: "a count is missing", meta: swept(4, 1, 2, 3, 4, 6, 8, 10), events: good, want: check.Unknown, says: "nothing that counts was measured with 10 workers"},
		{name: "too few counts", meta: swept(4, 1, 2, 4, 8), events: [][]Event{passes(map[int]float64{1: 106, 2: 180, 4: 228, 8: 170}, 4, nil)}, want: check.Unknown, says: "4 different numbers of workers"},
		{name: "too few rounds", meta: swept(4), events: [][]Event{passes(peaked, 2, nil)}, want: check.Unknown, says: "measured 2 times"},
		{name: "errors", meta: swept(4), events: at(8, func(p *Pass) { p.Bad, p.Why = 10, "status 503" }), want: check.Unknown, says: "the first: status 503"},
		{name: "no answers", meta: swept(4), events: at(8, func(p *Pass) { p.None, p.Why = 10, "EOF" }), want: check.Unknown, says: "10 not at all, the first: EOF"},
		{name: "one error", meta: swept(4), events: at(8, func(p *Pass) { p.Bad = 1 }), want: check.Pass},
		{name: "too short", meta: swept(4), events: at(1, func(p *Pass) { p.Good, p.First = 20, 10 }), want: check.Unknown, says: "20 answers in 2s, want 30"},
		// However many workers there are, the load makes no more requests: a flat line, by which one worker is right.
		{name: "the load was measured", meta: swept(4), events: changed(func(_ int, p *Pass) { p.Good, p.First = 9000, 4500 }), want: check.Unknown, says: "it is the load that was measured"},
		{name: "the load took the machine", meta: swept(4), events: at(4, func(p *Pass) { p.CPU = 0.4 }), want: check.Unknown, says: "the load itself used 40 % of the machine"},
		{name: "one round unsteady", meta: swept(4), events: changed(func(n int, p *Pass) {
			if p.Round == 2 && n == 4 {
				p.Good, p.First = p.Good/2, p.Good/2
			}
		}), want: check.Pass},
		{name: "two rounds unsteady", meta: swept(4), events: changed(func(n int, p *Pass) {
			if p.Round >= 2 && n == 4 {
				p.First = p.Good
			}
		}), want: check.Unknown, says: "4 workers were measured 2 times"},
		{name: "still rising", meta: swept(4), events: [][]Event{passes(map[int]float64{1: 100, 2: 198, 3: 295, 4: 390, 6: 570, 8: 740}, 4, nil)}, want: check.Unknown, says: "does not reach the knee"},
		{name: "the processors are the limit", meta: swept(2, 1, 2, 3, 4, 6), events: [][]Event{passes(map[int]float64{1: 92.7, 2: 174.7, 3: 172, 4: 172, 6: 164}, 4, nil)}, want: check.Unknown, says: "such as a step"},
		{name: "no such law", meta: swept(4), events: [][]Event{passes(map[int]float64{1: 100, 2: 200, 3: 300, 4: 130, 6: 130, 8: 130}, 4, nil)}, want: check.Unknown, says: "the law does not fit"},
	})
}

// The other checks look at what a sweep has not, and would make each unknown.
func TestASweepIsJudgedByItsChecks(t *testing.T) {
	t.Parallel()
	j := row{meta: swept(4), events: [][]Event{passes(peaked, 4, nil)}}.judge()
	require.Equal(t, check.Pass, j.Verdict, j.Reason)
	var names []string
	for _, r := range j.Results {
		names = append(names, r.Check)
	}
	require.Equal(t, []string{"ran", "script", "target-exit", "workers"}, names)
	require.Len(t, j.Sweep.Rows, 6)
	require.InDelta(t, 228, j.Sweep.Rows[3].Throughput, 10)
	require.InDelta(t, 228, j.Sweep.Rows[3].Fitted, 10)
	_, err := json.Marshal(j)
	require.NoError(t, err, "no figure is infinite")
	j = row{meta: swept(4), events: [][]Event{passes(map[int]float64{1: 100, 2: 200, 3: 300, 4: 400, 6: 600, 8: 800}, 4, nil)}}.judge()
	_, err = json.Marshal(j)
	require.NoError(t, err, "no figure is infinite, without a peak either")

	died := row{meta: swept(4), events: [][]Event{passes(peaked, 4, nil), one(Event{At: 2 * ms, Kind: ProcExit, Who: "consumer/0", Code: 3})}}.judge()
	require.Equal(t, check.Fail, died.Verdict, "a server that ends in the middle of a measurement")
}
