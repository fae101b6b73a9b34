package metadata

import (
	"fmt"
	"slices"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

// What a rule can do.
const (
	Slow    = "slow"    // wait for Delay, then answer
	Hang    = "hang"    // never answer; ends when the caller goes or the rule is removed (answered)
	Fail    = "fail"    // answer Status
	Garbage = "garbage" // answer 200 with what is neither a token nor a notice
	Cut     = "cut"     // read the request, then reset the connection
)

var all = []string{Slow, Hang, Fail, Garbage, Cut}

// What a rule can be on, beside every request.
const (
	OnToken  = "token"
	OnNotice = "notice"
)

// Rule is one way in which the service misbehaves. In JSON the delay is written "1.5s".
type Rule struct {
	Do     string          `json:"do"`
	On     string          `json:"on,omitempty"`     // "token" or "notice"; empty: any request
	Status int             `json:"status,omitempty"` // of fail, 400 to 599; 0: 500
	Delay  script.Duration `json:"delay,omitempty"`  // of slow: above 0, at most 10 min
	script.Turn
}

// Check tells what is wrong with the rule.
func (r Rule) Check() error {
	if !slices.Contains(all, r.Do) {
		return fmt.Errorf("instance metadata cannot do %q: want one of %q", r.Do, all)
	}
	if r.On != "" && r.On != OnToken && r.On != OnNotice {
		return fmt.Errorf("%s: on %q: want %q, %q or nothing", r.Do, r.On, OnToken, OnNotice)
	}
	if r.Status != 0 && (r.Do != Fail || r.Status < 400 || r.Status > 599) {
		return fmt.Errorf("%s: status %d: only fail has one, from 400 to 599", r.Do, r.Status)
	}
	if err := script.CheckDelay("delay", r.Delay); err != nil {
		return fmt.Errorf("%s: %w", r.Do, err)
	}
	if (r.Delay > 0) != (r.Do == Slow) {
		return fmt.Errorf("%s: delay %v: slow needs one, nothing else has one", r.Do, r.Delay)
	}
	return r.Turn.Check()
}

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
	return script.DecodeChecked("instance metadata rule", data, (*plain)(r), func() error { return r.Check() })
}
