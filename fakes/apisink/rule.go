package apisink

import (
	"fmt"
	"slices"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

// What a rule can do.
const (
	Pass       = "pass"             // accept, as without a rule: what it hits has passed
	Slow       = "slow"             // wait for Delay, then accept, even if the caller has gone meanwhile
	Hang       = "hang"             // never answer; ends when the caller goes (no effect) or the rule is removed (accepted)
	Fail       = "fail"             // answer Status, no effect
	AcceptFail = "accept-then-fail" // the effect happens, answer Status all the same
	Cut        = "cut"              // read the request, then reset the connection; no effect
	AcceptCut  = "accept-then-cut"  // the effect happens, then reset the connection
	Reset      = "reset"            // reset live connections, then each new one before it says a word
	Down       = "down"             // reset live connections, then refuse new ones. Refusals are the kernel's: only the resets count as hits
)

var all = []string{Pass, Slow, Hang, Fail, AcceptFail, Cut, AcceptCut, Reset, Down}

// Rule is one way in which the sink misbehaves. In JSON the delay is written "1.5s".
type Rule struct {
	Do     string          `json:"do"`
	Job    string          `json:"job,omitempty"`    // only this job; empty: any. Not with reset and down
	Status int             `json:"status,omitempty"` // 400 to 599; 0: 500
	Delay  script.Duration `json:"delay,omitempty"`  // of slow: above 0, at most 10 min
	script.Turn
}

// Check tells what is wrong with the rule.
func (r Rule) Check() error {
	if !slices.Contains(all, r.Do) {
		return fmt.Errorf("API sink cannot do %q: want one of %q", r.Do, all)
	}
	if r.Status != 0 && (r.Status < 400 || r.Status > 599) {
		return fmt.Errorf("%s: status %d is no error: want 400 to 599", r.Do, r.Status)
	}
	if r.Status != 0 && r.Do != Fail && r.Do != AcceptFail {
		return fmt.Errorf("%s: answers no status of its own", r.Do)
	}
	if err := script.CheckDelay("delay", r.Delay); err != nil {
		return fmt.Errorf("%s: %w", r.Do, err)
	}
	if (r.Delay > 0) != (r.Do == Slow) {
		return fmt.Errorf("%s: delay %v: slow needs one, nothing else has one", r.Do, r.Delay)
	}
	if r.Job != "" && r.onPort() {
		return fmt.Errorf("%s: concerns every job, not %q alone", r.Do, r.Job)
	}
	if r.Do == Down && r.Turn != (script.Turn{}) {
		return fmt.Errorf("down: has no turns (nth %d, times %d)", r.Nth, r.Times)
	}
	return r.Turn.Check()
}

// onPort tells whether the rule concerns connections rather than requests.
func (r Rule) onPort() bool { return r.Do == Reset || r.Do == Down }

func (r Rule) status() int {
	if r.Status == 0 {
		return 500
	}
	return r.Status
}

// UnmarshalJSON reads a rule and checks it; an unknown field is an error.
func (r *Rule) UnmarshalJSON(data []byte) error {
	type plain Rule
	*r = Rule{} // an element of a list may hold a former one
	return script.DecodeChecked("API sink rule", data, (*plain)(r), func() error { return r.Check() })
}
