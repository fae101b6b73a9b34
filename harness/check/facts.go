package check

import (
	"iter"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// Facts are what one pass over a history gathers for the checks.
type Facts struct {
	Meta   history.Meta
	Torn   *history.Torn
	Damage error
}

func gather(events iter.Seq2[*history.Event, error]) *Facts {
	f := &Facts{}
	for _, err := range events {
		if err != nil {
			f.Damage = err
			break
		}
	}
	return f
}

func (f *Facts) judge(checks []Check) *Judgement {
	j := &Judgement{Meta: f.Meta, Torn: f.Torn}
	for _, c := range checks {
		r := c.Judge(f)
		r.Check = c.Name
		j.Results = append(j.Results, r)
	}
	j.Verdict = overall(j.Results)
	return j
}
