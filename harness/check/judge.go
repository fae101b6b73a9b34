package check

import (
	"fmt"
	"iter"
	"slices"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// Check tests one invariant.
type Check struct {
	Name    string              // scenarios name it in catches: never rename it
	Doc     string              // what it tests, what it needs, and what it does not judge
	Applies func(*Facts) bool   // false: the scenario does not ask for it, and it gives no result; nil: always
	Judge   func(*Facts) Result // pure; it may leave the result's Check empty
}

// All are the checks, in the order of reports.
var All = []Check{
	ran, script, loadReached, faultInEffect, faultGone, inFlight, probes,
	noLoss, deadLetters, duplicates, unexpected, wholeResults, settle, settled, ackAfterReport, protocol, noStall, worksOn, prefetch, priority,
	alerts, allClears, hooks, targetExit, recovered,
	cleanExit, takeover, serving, fairShare, busy, reconnects,
	answered, badAnswers, turnedAway, once, acknowledged, askedAgain, retries, version, serves, rotation, rollout, drained, backIn,
	latency, cached, leaks, memory, readers,
	workers,
}

// ofSweep are the checks of a sweep: what the others look at, a load of known requests and its faults, it has not.
var ofSweep = []string{"ran", "script", "target-exit", "workers"}

// Judge reads a history to its end and judges it. One that is torn or damaged gives a Judgement that is
// never green. An error means that it cannot be judged here: it wraps history.ErrVersion when a newer
// version wrote it, or is the operating system's.
func Judge(r *history.Reader) (*Judgement, error) {
	facts := gather(nil, r.All())
	if facts.unread != nil {
		return nil, fmt.Errorf("judge a history: %w", facts.unread)
	}
	facts.Torn = r.Torn()
	return facts.judge(All), nil
}

// JudgeEvents judges events at hand, as the history of a run with this Meta. It is for tests.
func JudgeEvents(meta history.Meta, events iter.Seq[*history.Event]) *Judgement {
	return gather(&meta, func(yield func(*history.Event, error) bool) {
		for e := range events {
			if !yield(e, nil) {
				return
			}
		}
	}).judge(All)
}

// judge runs the checks and fills in what reports need.
func (f *Facts) judge(checks []Check) *Judgement {
	j := &Judgement{
		Meta: f.Meta, Windows: f.windows, Ledger: f.totals, Rate: f.rates, Latency: f.latencies,
		Recovery: f.outcome, Steady: f.steady, Faults: f.faults.list, Marks: f.sides.marks,
		Alerts: len(f.sides.alerts), AllClears: len(f.sides.allClears), Torn: f.Torn, Series: f.series.Points(), Sweep: f.sweep,
	}
	if f.Damage != nil {
		j.Damage = f.Damage.Error()
	}
	for _, call := range f.sides.hooks {
		if j.Hooks == nil {
			j.Hooks = make(map[string]int)
		}
		j.Hooks[call.hook]++
	}
	for _, c := range checks {
		if f.Meta.Sweep != nil && !slices.Contains(ofSweep, c.Name) {
			continue
		}
		if c.Applies != nil && !c.Applies(f) {
			continue
		}
		r := c.Judge(f)
		r.Check = c.Name
		j.Results = append(j.Results, r)
	}
	j.Verdict = overall(j.Results)
	j.Reason = reason(j.Verdict, j.Results)
	return j
}

// reason tells what decided the verdict.
func reason(v Verdict, results []Result) string {
	if len(results) == 0 {
		return "nothing was checked"
	}
	if v == Pass {
		return fmt.Sprintf("all %d checks passed", len(results))
	}
	for _, r := range results {
		if r.Verdict == v {
			return r.Check + ": " + r.Reason
		}
	}
	return "no result says why" // cannot be: overall gives a verdict that a result has
}

// The three ends of a check. A reason is one sentence with numbers.

func pass(format string, args ...any) Result {
	return Result{Verdict: Pass, Reason: fmt.Sprintf(format, args...)}
}

func fail(x examples, format string, args ...any) Result {
	return Result{Verdict: Fail, Reason: fmt.Sprintf(format, args...), Examples: x}
}

func unknown(format string, args ...any) Result {
	return Result{Verdict: Unknown, Reason: fmt.Sprintf(format, args...)}
}
