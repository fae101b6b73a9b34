package aiworker

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

// When a rule is asked.
const (
	OnRequest = "request" // for each txt2img; the default
	OnPing    = "ping"    // for each /internal/ping
	OnBoot    = "boot"    // at each start of the process, before it listens
)

// What a rule can do.
const (
	Fail     = "fail"      // answer Status
	Hang     = "hang"      // do nothing more; ends when the caller goes, or goes on when the rule is taken out
	Cut      = "cut"       // send half of the answer, then close the connection
	Garbage  = "garbage"   // answer well-formed JSON whose image is none
	Truncate = "truncate"  // answer valid HTTP whose body is the first half of the JSON
	OOM      = "oom"       // die by SIGKILL, as the kernel's out-of-memory killer does it: exit code 137
	Slow     = "slow"      // take Factor times as long, or Delay longer
	Refuse   = "refuse"    // at boot: end with exit code 1
	SlowBoot = "slow-boot" // at boot: listen after Delay
)

// places says where each action can be asked for.
func places() map[string][]string {
	return map[string][]string{
		Fail:     {OnRequest, OnPing},
		Hang:     {OnRequest, OnPing, OnBoot},
		Cut:      {OnRequest},
		Garbage:  {OnRequest},
		Truncate: {OnRequest},
		OOM:      {OnRequest, OnPing, OnBoot},
		Slow:     {OnRequest, OnPing},
		Refuse:   {OnBoot},
		SlowBoot: {OnBoot},
	}
}

// Rule is one way in which the worker misbehaves. "Fail n times, then succeed" is Times: n. In JSON
// the delay is written "1.5s". Turns are counted over restarts of the process.
type Rule struct {
	On     string          `json:"on,omitempty"`    // OnRequest when empty
	Match  string          `json:"match,omitempty"` // a message id, or a part of the prompt; empty: any
	Do     string          `json:"do"`
	Status int             `json:"status,omitempty"` // of fail, 400 to 599; 0: 500
	Factor float64         `json:"factor,omitempty"` // of slow, above 1 to 1000
	Delay  script.Duration `json:"delay,omitempty"`  // of slow and slow-boot
	script.Turn
}

// Check tells what is wrong with the rule.
func (r Rule) Check() error {
	on, known := places()[r.Do]
	if !known {
		return fmt.Errorf("cannot do %q: want one of %q", r.Do, slices.Sorted(maps.Keys(places())))
	}
	if !slices.Contains(on, r.on()) {
		return fmt.Errorf("%s: not possible on %q, only on %q", r.Do, r.on(), on)
	}
	if r.Match != "" && r.on() != OnRequest {
		return fmt.Errorf("%s: only requests can be matched, by message id or prompt", r.Do)
	}
	if r.Status != 0 && (r.Do != Fail || r.Status < 400 || r.Status > 599) {
		return fmt.Errorf("%s: status %d: only fail has one, from 400 to 599", r.Do, r.Status)
	}
	if err := r.checkTime(); err != nil {
		return fmt.Errorf("%s: %w", r.Do, err)
	}
	return r.Turn.Check()
}

func (r Rule) checkTime() error {
	if err := script.CheckDelay("delay", r.Delay); err != nil {
		return err
	}
	switch {
	case r.Factor != 0 && (r.Do != Slow || r.on() != OnRequest):
		return fmt.Errorf("factor %g: only a slow request has one", r.Factor)
	case r.Factor != 0 && !(r.Factor > 1 && r.Factor <= 1000):
		return fmt.Errorf("factor %g is out of range: want above 1 to 1000", r.Factor)
	case r.Do == Slow && (r.Factor > 0) == (r.Delay > 0):
		return fmt.Errorf("want a factor or a delay, one of them")
	case r.Do == SlowBoot && r.Delay == 0:
		return fmt.Errorf("want a delay")
	case r.Delay > 0 && r.Do != Slow && r.Do != SlowBoot:
		return fmt.Errorf("delay %v: only slow and slow-boot have one", r.Delay)
	}
	return nil
}

func (r Rule) on() string {
	if r.On == "" {
		return OnRequest
	}
	return r.On
}

func (r Rule) status() int {
	if r.Status == 0 {
		return 500
	}
	return r.Status
}

func (r Rule) matches(on, msg, prompt string) bool {
	return r.on() == on && (r.Match == "" || r.Match == msg || strings.Contains(prompt, r.Match))
}

// UnmarshalJSON reads a rule and checks it; an unknown field is an error.
func (r *Rule) UnmarshalJSON(data []byte) error {
	type plain Rule
	*r = Rule{} // an element of a list may hold a former one
	return script.DecodeChecked("rule", data, (*plain)(r), func() error { return r.Check() })
}
