package reports

import (
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/check"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/recovery"
	"github.com/comeback-chaos/xk6-comeback/harness/usl"
)

const ms = time.Millisecond

// green is a run that passed.
func green() *check.Judgement {
	totals := func(n int64) check.Totals {
		return check.Totals{Offered: n, Published: n, Confirmed: n, Delivered: n, Effects: n}
	}
	all := totals(800)
	all.Redelivered = 5
	during := totals(100)
	during.Redelivered = 5
	latency := check.Latency{Count: 800, P50: 12300 * time.Microsecond, P90: 15 * ms, P99: 480 * ms, Max: 1250 * ms}
	return &check.Judgement{
		Meta: history.Meta{
			Scenario: "ack-fails", Incidents: []string{"A8"}, Target: "consumer", Version: "1.2.0", Seed: 42,
			Repeat: "bin/k6 run -e SEED=42 scenarios/ack-fails.js", Started: time.Date(2026, 11, 22, 11, 6, 12, 0, time.UTC),
			Rate: 100, Duration: 8 * time.Second,
		},
		Verdict: check.Pass, Reason: "all 3 checks passed",
		Results: []check.Result{
			{Check: "no-loss", Verdict: check.Pass, Reason: "800 of 800 confirmed messages had an effect"},
			{Check: "duplicates", Verdict: check.Pass, Reason: "0 messages had more than one effect, 0 are allowed"},
			{Check: "recovered", Verdict: check.Pass, Reason: "0.42 s, at most 2 s are allowed"},
		},
		Windows: check.PerWindow[check.Span]{
			Before: check.Span{From: 500 * ms, To: 3500 * ms}, During: check.Span{From: 3500 * ms, To: 4500 * ms},
			After: check.Span{From: 4500 * ms, To: 8600 * ms}, Total: check.Span{From: 500 * ms, To: 8600 * ms},
		},
		Ledger: check.PerWindow[check.Totals]{Before: totals(300), During: during, After: totals(400), Total: all},
		Rate: check.PerWindow[check.Rate]{
			Before: check.Rate{Offered: 100, Effects: 99.7}, During: check.Rate{Offered: 100, Effects: 61},
			After: check.Rate{Offered: 97.6, Effects: 107.3}, Total: check.Rate{Offered: 98.8, Effects: 98.8},
		},
		Latency:  check.PerWindow[check.Latency]{Before: latency, During: latency, Total: latency},
		Recovery: recovery.Outcome{Measured: true, Recovered: true, After: 420 * ms, Reason: "back in range 420ms after the heal and stayed"},
		Steady:   &recovery.Range{From: 500 * ms, To: 3500 * ms, Rate: 99.7, MinRate: 97, Latency: 31 * ms, Backlog: 4},
		Faults: []check.Fault{{
			ID: 1, Name: "on-ack", Params: "cut, nth 5", Inject: 3500 * ms, InEffect: 3548 * ms, Heal: 4500 * ms, Gone: 4512 * ms,
			Outlived: -1, Touched: 1, Evidence: "ack of m305 cut", InFlight: 5,
		}},
		Hooks: map[string]int{"restart": 1, "terminate": 0},
		Marks: []check.Mark{{At: 3490 * ms, Name: "steady"}},
	}
}

// red is a run on a defect that failed two checks and could not tell a third.
func red() *check.Judgement {
	j := green()
	j.Meta.Defect, j.Meta.Version = "A8-throw-on-ack", ""
	j.Verdict, j.Reason = check.Fail, "no-stall and no-loss failed"
	j.Results = []check.Result{
		{Check: "no-loss", Verdict: check.Fail, Reason: "2 of 800 confirmed messages had no effect", Examples: []string{"m305 offered at 3.548 s", "m306 offered at 3.558 s"}},
		{Check: "no-stall", Verdict: check.Fail, Reason: "4.1 s with 395 ready messages and a live consumer, at most 2 s are allowed"},
		{Check: "recovered", Verdict: check.Unknown, Reason: "the load ended before it could be told"},
	}
	j.Recovery = recovery.Outcome{Measured: true, Reason: "not recovered within 4.1s of the heal"}
	j.Ledger.Total.Lost, j.Ledger.During.Lost, j.Ledger.Total.Leftover, j.Ledger.Total.Unknown = 2, 2, 395, 3
	j.Ledger.Total.Duplicates, j.Ledger.Total.Unexpected = 7, 1
	return j
}

// swept is a sweep that recommends two workers where four are deployed.
func swept() *check.Judgement {
	row := func(n int, x, fitted float64) check.SweepRow {
		return check.SweepRow{Workers: n, Rounds: 4, Throughput: x, Low: 0.98 * x, High: 1.03 * x, P50: time.Duration(32 / x * float64(time.Second)), P99: time.Duration(40 / x * float64(time.Second)), Fitted: fitted}
	}
	return &check.Judgement{
		Meta: history.Meta{
			Scenario: "workers-knee", Incidents: []string{"C8"}, Target: "gunicorn", Defect: "C8-tells-every-worker", Seed: 7,
			Repeat: "bin/k6 run -e SEED=7 scenarios/workers-knee.js", HTTP: true,
			Sweep: &history.Swept{Counts: []int{1, 2, 3, 4, 6}, Rounds: 4, Share: 0.9, Deployed: 4},
		},
		Verdict: check.Fail, Reason: "workers: 4 workers are too many",
		Results: []check.Result{{Check: "workers", Verdict: check.Fail, Reason: "4 workers are too many"}},
		Sweep: &check.Sweep{
			Rows:    []check.SweepRow{row(1, 66, 67.1), row(2, 81, 79.4), row(3, 66, 66.9), row(4, 49.5, 50), row(6, 31, 30.8)},
			Ceiling: 5210, Unsteady: 1, Model: &usl.Model{Lambda: 67.1, Sigma: 0.01, Kappa: 0.34}, Misfit: 0.012, Noise: 0.02,
			Peak: 1.71, Best: 2, BestSpan: usl.Span{Low: 2, High: 2}, Enough: 2, Deployed: 4, Keeps: &usl.Span{Low: 0.61, High: 0.65},
		},
	}
}

// refused is a sweep that recommends nothing.
func refused() *check.Judgement {
	j := swept()
	j.Verdict, j.Reason, j.Results = check.Unknown, "workers: nothing was measured", nil
	j.Sweep = &check.Sweep{Rows: []check.SweepRow{{Workers: 1}, {Workers: 2}}, Deployed: 4, Refused: "nothing was measured"}
	return j
}

// vague is what a script leaves that threw: next to nothing.
func vague() *check.Judgement {
	return &check.Judgement{
		Meta:   history.Meta{Scenario: "swap-unset", Target: "consumer", Seed: 7, Repeat: "bin/k6 run -e SEED=7 scenarios/swap-unset.js"},
		Reason: "nothing was judged", Torn: &history.Torn{Offset: 4096, Bytes: 17}, Damage: "block at byte 512: wrong checksum",
		Results: []check.Result{{Check: "ran", Reason: "no load began"}},
	}
}

// nasty has text that breaks formats: control and escape sequences, markup, line breaks, bad UTF-8.
const nasty = "a\x00b\x1b[2Jc <x a=\"1\"> & ]]> | `d`\r\n*e* \xff \ufffe \u202egnp.exe"

func hostile() *check.Judgement {
	j := red()
	j.Reason, j.Meta.Repeat, j.Meta.Scenario = nasty, nasty, nasty
	j.Results[0].Reason, j.Results[0].Examples = nasty, []string{nasty, nasty}
	j.Faults[0].Evidence = nasty
	j.Marks[0].Text = nasty
	return j
}

func sampleSuite() *Suite {
	unhappy := vague()
	relapsed := green()
	relapsed.Verdict, relapsed.Reason = check.Fail, "recovered failed"
	relapsed.Results[2] = check.Result{Check: "recovered", Verdict: check.Fail, Reason: "relapsed after 1.1 s"}
	relapsed.Recovery = recovery.Outcome{Measured: true, Relapsed: true, After: 300 * ms, Reason: "back in range, but out of it again"}
	return &Suite{
		Wall: 61200 * ms, CriticalPath: 22100 * ms, Parallel: 3,
		Runs: []Run{
			{Scenario: "ack-fails", Target: "consumer", Judgement: green(), Wall: 12100 * ms, Dir: "reports/out/ack-fails"},
			{Scenario: "swap-unset", Target: "consumer", Judgement: unhappy, Wall: 2 * time.Second, Dir: "reports/out/swap-unset"},
			{Scenario: "relapse", Target: "consumer", Judgement: relapsed, Wall: 11 * time.Second, Dir: "reports/out/relapse"},
			{Scenario: "warmup-fails", Target: "consumer", Err: "k6 ended with exit 107: ReferenceError: incdent is not defined", Wall: 300 * ms, Dir: "reports/out/warmup-fails"},
			{Scenario: "broker-pause", Target: "consumer", Skipped: "the target runs already: no process faults"},
		},
	}
}

func sampleTeeth() *Suite {
	wrong := red()
	wrong.Results[1].Verdict = check.Pass
	passed := green()
	passed.Meta.Defect = "A8-fly"
	return &Suite{
		Wall: 41 * time.Second, CriticalPath: 12 * time.Second, Parallel: 3,
		Runs: []Run{
			{Scenario: "ack-fails", Defect: "A8-throw-on-ack", Want: "no-stall", Judgement: red(), Wall: 12 * time.Second, Dir: "out/1"},
			{Scenario: "ack-fails", Defect: "A8-other", Want: "no-stall", Judgement: wrong, Wall: 12 * time.Second, Dir: "out/2"},
			{Scenario: "ack-fails", Defect: "A8-fly", Want: "duplicates", Judgement: passed, Wall: 12 * time.Second, Dir: "out/3"},
			{Scenario: "ack-fails", Defect: "A8-none", Want: "no-such-check", Judgement: passed, Wall: 12 * time.Second, Dir: "out/4"},
			{Scenario: "swap-unset", Defect: "A1-restart", Want: "hooks", Err: "killed after 90 s", Wall: 90 * time.Second, Dir: "out/5"},
			{Scenario: "swap-unset", Defect: "A1-other", Want: "hooks", Skipped: "no rabbitmq-server"},
		},
		Uncaught: []string{"A9-forgotten"},
	}
}

// known is a run on a target that takes 1 s to recover, measured as a little more.
func known() *check.Judgement {
	j := green()
	j.Meta.Expect.Known = time.Second
	j.Recovery.After = 1033 * ms
	return j
}
