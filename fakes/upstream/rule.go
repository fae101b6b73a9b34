package upstream

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

// When a rule is asked.
const (
	OnRequest = "request" // for each request but health checks; the default
	OnHealth  = "health"  // for each health check
	OnBoot    = "boot"    // before it listens
)

// What a rule can do.
const (
	Fail     = "fail"      // answer Status at once
	Slow     = "slow"      // take Delay longer
	Hang     = "hang"      // do nothing more, on its thread, until the rule is taken out
	Cut      = "cut"       // send the head and half of the body, then end the connection
	Reset    = "reset"     // reset the connection instead of an answer
	SlowBody = "slow-body" // send the body at Rate
	Huge     = "huge"      // send a body of MB megabytes
	Spiral   = "spiral"    // from this request on the garbage collector takes over: all answers are late by 10 ms · (2^(t/Delay) − 1), a core burns
	Deadlock = "deadlock"  // from this request on nothing gets any further, until the rule is taken out
	Leak     = "leak"      // the request's data source connection is never given back, until the rule is taken out
	Down     = "down"      // health names Part as down and answers 503
	Crash    = "crash"     // die with Status as the exit code (0: 3, as ExitOnOutOfMemoryError does)
	OOM      = "oom"       // die by SIGKILL, as the kernel's out-of-memory killer does it: exit code 137
	Refuse   = "refuse"    // at boot: end with exit code 1
	SlowBoot = "slow-boot" // at boot: listen after Delay
)

// Parts of the composite health.
const (
	Disk       = "disk"
	DataSource = "dataSource"
	Broker     = "broker"
	Cache      = "cache"
)

var parts = []string{Disk, DataSource, Broker, Cache}

// places says where each action can be asked for.
func places() map[string][]string {
	request, either := []string{OnRequest}, []string{OnRequest, OnHealth}
	return map[string][]string{
		Fail: either, Slow: either, Hang: {OnRequest, OnHealth, OnBoot}, Reset: either,
		Cut: request, SlowBody: request, Huge: request, Leak: request,
		Spiral: either, Deadlock: either, Crash: either, OOM: {OnRequest, OnHealth, OnBoot},
		Down:   {OnHealth},
		Refuse: {OnBoot}, SlowBoot: {OnBoot},
	}
}

// Rule is one way in which the upstream misbehaves. "Not healthy n times, then healthy" is Times: n on
// health, "for a while after the boot" is Within. In JSON times are written "1.5s".
type Rule struct {
	On     string          `json:"on,omitempty"`    // OnRequest when empty, OnHealth for down
	Match  string          `json:"match,omitempty"` // a request id, or the begin of a path; empty: any
	Do     string          `json:"do"`
	Within script.Duration `json:"within,omitempty"` // only so long after the begin of service; 0: always
	Status int             `json:"status,omitempty"` // of fail, 200 to 599, 0: 500; of crash, 1 to 255
	Delay  script.Duration `json:"delay,omitempty"`  // of slow, slow-boot and spiral
	Rate   int             `json:"rate,omitempty"`   // of slow-body, and of huge if wanted: bytes a second
	MB     int             `json:"mb,omitempty"`     // of huge: 1 to 100000
	Part   string          `json:"part,omitempty"`   // of down: disk, dataSource, broker or cache
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
	if r.on() == OnBoot && (r.Match != "" || r.Within != 0) {
		return fmt.Errorf("%s: at boot there is nothing to match, and no time within it", r.Do)
	}
	for _, check := range []func() error{r.checkStatus, r.checkTimes, r.checkBody, r.Turn.Check} {
		if err := check(); err != nil {
			return fmt.Errorf("%s: %w", r.Do, err)
		}
	}
	return nil
}

func (r Rule) checkStatus() error {
	switch {
	case r.Status == 0:
	case r.Do == Fail && (r.Status < 200 || r.Status > 599):
		return fmt.Errorf("status %d is out of range: want 200 to 599", r.Status)
	case r.Do == Crash && (r.Status < 1 || r.Status > 255):
		return fmt.Errorf("exit code %d is out of range: want 1 to 255", r.Status)
	case r.Do != Fail && r.Do != Crash:
		return fmt.Errorf("has no status")
	}
	return nil
}

func (r Rule) checkTimes() error {
	if err := script.CheckDelay("within", r.Within); err != nil {
		return err
	}
	if needs := r.Do == Slow || r.Do == SlowBoot || r.Do == Spiral; needs != (r.Delay != 0) {
		return fmt.Errorf("delay %v: slow, slow-boot and spiral need one, nothing else has one", r.Delay)
	}
	return script.CheckDelay("delay", r.Delay)
}

func (r Rule) checkBody() error {
	switch {
	case r.Rate < 0 || r.Rate > 0 && r.Do != SlowBody && r.Do != Huge, r.Rate == 0 && r.Do == SlowBody:
		return fmt.Errorf("rate %d: slow-body needs one, huge may have one, nothing else has one", r.Rate)
	case r.MB < 0 || r.MB > 100_000, (r.MB > 0) != (r.Do == Huge):
		return fmt.Errorf("mb %d: huge needs 1 to 100000, nothing else has any", r.MB)
	case (r.Do == Down) != (r.Part != "") || r.Do == Down && !slices.Contains(parts, r.Part):
		return fmt.Errorf("part %q: down needs one of %q, nothing else has one", r.Part, parts)
	}
	return nil
}

func (r Rule) on() string {
	switch {
	case r.On != "":
		return r.On
	case r.Do == Down:
		return OnHealth
	}
	return OnRequest
}

// matches tells whether the rule is asked; age is how long the upstream has served.
func (r Rule) matches(on, id, path string, age time.Duration) bool {
	return r.on() == on && (r.Within == 0 || age < time.Duration(r.Within)) &&
		(r.Match == "" || r.Match == id || strings.HasPrefix(path, r.Match))
}

// UnmarshalJSON reads a rule and checks it; an unknown field is an error.
func (r *Rule) UnmarshalJSON(data []byte) error {
	type plain Rule
	*r = Rule{} // an element of a list may hold a former one
	return script.DecodeChecked("rule", data, (*plain)(r), func() error { return r.Check() })
}
