package alertsink

import (
	"fmt"
	"slices"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

// What a rule can do.
const (
	Limit = "limit" // answer 429 with Retry-After
	Fail  = "fail"  // answer Status
	Hang  = "hang"  // never answer; ends when the caller goes or the rule is removed (accepted)
	Cut   = "cut"   // read the message, then reset the connection
)

var all = []string{Limit, Fail, Hang, Cut}

// Rule is one way in which the sink refuses an alert. A refused one is in no ledger.
type Rule struct {
	Do         string          `json:"do"`
	Status     int             `json:"status,omitempty"`     // of fail, 400 to 599; 0: 500
	RetryAfter script.Duration `json:"retryAfter,omitempty"` // of limit, rounded up to whole seconds; 0: 1 s
	script.Turn
}

// Check tells what is wrong with the rule.
func (r Rule) Check() error {
	if !slices.Contains(all, r.Do) {
		return fmt.Errorf("alert sink cannot do %q: want one of %q", r.Do, all)
	}
	if r.Status != 0 && (r.Do != Fail || r.Status < 400 || r.Status > 599) {
		return fmt.Errorf("%s: status %d: only fail has one, from 400 to 599", r.Do, r.Status)
	}
	if err := script.CheckDelay("retryAfter", r.RetryAfter); err != nil {
		return fmt.Errorf("%s: %w", r.Do, err)
	}
	if r.RetryAfter != 0 && r.Do != Limit {
		return fmt.Errorf("%s: only limit has retryAfter", r.Do)
	}
	return r.Turn.Check()
}

func (r Rule) status() int {
	if r.Status == 0 {
		return 500
	}
	return r.Status
}

// retryAfter is the header's value, in whole seconds.
func (r Rule) retryAfter() int {
	return max(1, int((time.Duration(r.RetryAfter)+time.Second-1)/time.Second))
}

// UnmarshalJSON reads a rule and checks it; an unknown field is an error.
func (r *Rule) UnmarshalJSON(data []byte) error {
	type plain Rule
	*r = Rule{} // an element of a list may hold a former one
	return script.DecodeChecked("alert sink rule", data, (*plain)(r), func() error { return r.Check() })
}
