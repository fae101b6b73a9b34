package check

import (
	"fmt"

	"github.com/comeback-chaos/xk6-comeback/harness/usl"
)

var workers = Check{
	Name: "workers",
	Doc: `The target is deployed with a right number of workers: with the number of its entry (workers) it gives at least
sweep.share (0.9) of the highest throughput that the Universal Scalability Law, fitted to the sweep, has at any number within the sweep.
What counts is the 90 % interval of resampling: pass when all of it is above, fail when all of it is below, unknown when it is
neither, or when what was measured with that number says otherwise. Where the entry says no number it passes with the recommended one.
Unknown, and nothing is recommended, when the measurements do not bear it: an answer in a hundred bad or missing, fewer than 30
answers in a window, the load above half of what it can make of a server that does nothing or above a quarter of the machine; fewer than 5 numbers of
workers or 3 steady rounds of each (the halves of a window may differ by a fifth, beside chance); rounds more than 15 % apart; a law more
than 10 % off, or more than 5 % and three times what rounds are apart; a knee outside of the sweep. Applies to a sweep.`,
	Applies: func(f *Facts) bool { return f.Meta.Sweep != nil },
	Judge: func(f *Facts) Result {
		s := f.sweep
		if s.Refused != "" {
			return unknown("no number is recommended: %s", s.Refused)
		}
		best := advice(s)
		if s.Deployed == 0 {
			return pass("%s", best)
		}
		if s.Keeps == nil {
			return unknown("%d workers, with which it is deployed, are outside of the sweep; %s", s.Deployed, best)
		}
		return judgeDeployed(s, f.Meta.Sweep.Share, best)
	},
}

// advice is the recommendation in words.
func advice(s *Sweep) string {
	text := fmt.Sprintf("%s recommended (90 %%: %.0f to %.0f), for %.0f answers a second", count(s.Best, "worker"), s.BestSpan.Low, s.BestSpan.High, s.Model.At(float64(s.Best)))
	if s.Enough < s.Best {
		text += fmt.Sprintf("; %d are enough", s.Enough)
	}
	return text
}

// direct is what was measured with the deployed number, as a share of the highest that was; false: it was not
// measured.
func (s *Sweep) direct() (share float64, ok bool) {
	highest := 0.0
	for _, r := range s.Rows {
		highest = max(highest, r.Throughput)
		if r.Workers == s.Deployed {
			share, ok = r.Throughput, true
		}
	}
	return share / highest, ok
}

func judgeDeployed(s *Sweep, share float64, best string) Result {
	keeps := func(k *usl.Span) string { return fmt.Sprintf("%.0f to %.0f %%", 100*k.Low, 100*k.High) }
	const how = "the %s with which it is deployed give %s of the highest throughput, want %.0f %%; %s"
	n := count(s.Deployed, "worker")
	if direct, ok := s.direct(); ok && (s.Keeps.Low >= share && direct < share || s.Keeps.High < share && direct >= share) {
		return unknown(how+": but what was measured with them is %.0f %% of the highest: the law is not to be trusted here", n, keeps(s.Keeps), 100*share, best, 100*direct)
	}
	switch {
	case s.Keeps.Low >= share:
		return pass(how, n, keeps(s.Keeps), 100*share, best)
	case s.Keeps.High < share:
		return fail(nil, how, n, keeps(s.Keeps), 100*share, best)
	}
	return unknown(how+": more rounds would tell", n, keeps(s.Keeps), 100*share, best)
}
