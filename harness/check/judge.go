package check

import (
	"iter"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// Check tests one invariant.
type Check struct {
	Name  string              // scenarios name it in catches: never rename it
	Doc   string              // what it tests, needs, and does not judge
	Judge func(*Facts) Result // pure; Check of its result may be left empty
}

// All are the checks, in the order of reports.
var All = []Check{}

// Judge reads a history to its end and judges it. An error means that the history could not be read at
// all; one that is torn or damaged gives a Judgement that is not green.
func Judge(r *history.Reader) (*Judgement, error) {
	facts := gather(r.All())
	facts.Torn = r.Torn()
	return facts.judge(All), nil
}

// JudgeEvents judges events that are at hand, as a run with this Meta. It is for tests.
func JudgeEvents(meta history.Meta, events iter.Seq[*history.Event]) *Judgement {
	facts := gather(func(yield func(*history.Event, error) bool) {
		for e := range events {
			if !yield(e, nil) {
				return
			}
		}
	})
	facts.Meta = meta
	return facts.judge(All)
}
