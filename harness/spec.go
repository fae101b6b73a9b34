package harness

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/aiworker"
	"github.com/comeback-chaos/xk6-comeback/fakes/hooks"
	"github.com/comeback-chaos/xk6-comeback/harness/check"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/server"
	"github.com/comeback-chaos/xk6-comeback/harness/sweep"
	"github.com/comeback-chaos/xk6-comeback/harness/target"
)

// Spec is a scenario as its script states it.
type Spec struct {
	Name      string // [a-z0-9-]; names the run's folder
	Incidents []string
	Target    string          // entry of comeback.yaml
	Instances int             // how many of it run side by side, 1 to 16; 0: as the entry says
	Needs     []string        // features that the target must have, turned on for the run
	Links     []string        // ways that can be made bad: some of fault.LinkNames
	AI        aiworker.Script // how the AI worker works when all is well
	Backends  []server.Spec   // what stands behind a target that answers requests
	Programs  []string        // what this machine must have installed: see Missing
	OwnBroker bool            // the scenario breaks its broker: it may not share one
	Load      Load
	Sweep     *sweep.Plan // the run measures the target with several numbers of workers instead; nil: it does not
	Expect    history.Expect
	Catches   []history.Catch // a defect may be listed with one check only
}

// Load is what the script means to offer: open model, one constant rate.
type Load struct {
	Rate     float64 // messages a second: a whole number from 1 to 100000
	Duration time.Duration
}

var nameForm = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// Check tells what is wrong with a spec, naming the field.
func (s Spec) Check() error {
	switch {
	case !nameForm.MatchString(s.Name) || len(s.Name) > 64:
		return fmt.Errorf("name (by default the script's file name): %q, want small letters, digits and single dashes, at most 64", s.Name)
	case s.Target == "":
		return errors.New("target: missing: an entry of comeback.yaml")
	case s.Instances < 0 || s.Instances > 16:
		return fmt.Errorf("instances: %d, want 1 to 16", s.Instances)
	case s.Sweep != nil && s.Load != Load{}:
		return errors.New("load: a sweep has a load of its own")
	case s.Sweep != nil: // no load to look at
	case s.Load.Rate < 1 || s.Load.Rate > 100_000 || s.Load.Rate != float64(int(s.Load.Rate)):
		return fmt.Errorf("load.rate: %v a second, want a whole number from 1 to 100000", s.Load.Rate)
	case s.Load.Duration < time.Second || s.Load.Duration > 24*time.Hour:
		return fmt.Errorf("load.duration: %v, want 1s to 24h", s.Load.Duration)
	}
	switch {
	case s.Expect.Lost < 0 || s.Expect.Duplicates < 0 || s.Expect.Recovery < 0 || s.Expect.Stall < 0 || s.Expect.Prefetch < 0 || s.Expect.CPU < 0 || s.Expect.BackIn < 0:
		return errors.New("expect: no figure may be negative")
	case s.Expect.Unanswered < 0 || s.Expect.Errors < 0 || s.Expect.Retries < 0:
		return errors.New("expect: neither unanswered nor errors nor retries may be negative")
	case s.Expect.Takeover < 0:
		return errors.New("expect.takeover: it may not be negative")
	case s.Expect.FairShare < 0 || s.Expect.FairShare > 1:
		return fmt.Errorf("expect.fairShare: %v, want 0 to 1", s.Expect.FairShare)
	case s.Expect.Serving != nil && (s.Expect.Serving.Share <= 0 || s.Expect.Serving.Share > 1 || s.Expect.Serving.Within <= 0):
		return errors.New("expect.serving: it wants a share above 0, at most 1, and a time within which")
	case s.Expect.Known < 0 || s.Expect.Known > 0 && s.Expect.Recovery == 0:
		return errors.New("expect.known: it wants a recovery beside it, the limit")
	case s.Expect.Rotation != nil && (s.Expect.Rotation.Interval <= 0 || s.Expect.Rotation.Timeout <= 0 || s.Expect.Rotation.Healthy < 1 || s.Expect.Rotation.Unhealthy < 1):
		return errors.New("expect.rotation: it wants an interval and a timeout above 0, and 1 or more for healthy and unhealthy")
	case s.Expect.NoFault && s.Expect.Recovery > 0:
		return errors.New("expect: a run without a fault has nothing to recover from: noFault and recovery exclude each other")
	}
	if s.Sweep != nil {
		if _, err := s.Sweep.Complete(); err != nil {
			return fmt.Errorf("sweep.%w", err)
		}
	}
	if err := errors.Join(checkOverload(s.Expect), checkLinks(s.Links), checkPrograms(s.Programs)); err != nil {
		return err
	}
	if len(s.AI.Rules) > 0 {
		return errors.New("ai.rules: misbehaviour is a fault, with its effect and its end: faults.worker([…])")
	}
	if len(s.Backends) > target.MaxBackends {
		return fmt.Errorf("backends: %d, want at most %d", len(s.Backends), target.MaxBackends)
	}
	for i, b := range s.Backends {
		if err := b.Check(); err != nil {
			return fmt.Errorf("backends[%d]: %w", i, err)
		}
		if len(b.Upstream.Rules) > 0 {
			return fmt.Errorf("backends[%d].rules: misbehaviour is a fault, with its effect and its end: faults.backend([…])", i)
		}
	}
	if err := s.AI.Check(); err != nil {
		return fmt.Errorf("ai: %w", err)
	}
	for hook, c := range s.Expect.Hooks {
		switch {
		case hook != hooks.Restart && hook != hooks.Terminate:
			return fmt.Errorf("expect.hooks: %q, want %q or %q", hook, hooks.Restart, hooks.Terminate)
		case c.Min < 0 || c.Max < c.Min:
			return fmt.Errorf("expect.hooks.%s: %d to %d, want 0 <= min <= max", hook, c.Min, c.Max)
		}
	}
	for _, c := range s.Catches {
		if c.Defect == "" || c.Check == "" {
			return fmt.Errorf("catches: %q: %q, want a defect's name and a check's", c.Defect, c.Check)
		}
		if !slices.ContainsFunc(check.All, func(k check.Check) bool { return k.Name == c.Check }) {
			return fmt.Errorf("catches: %q: %q is no check; docs/checks.md lists them", c.Defect, c.Check)
		}
	}
	return nil
}

// Length is how long the run's load takes.
func (s Spec) Length() time.Duration {
	if s.Sweep == nil {
		return s.Load.Duration
	}
	plan, _ := s.Sweep.Complete() // Check tells what is wrong with it
	return plan.Length()
}

// Want gives the check that must fail on a defect, and whether the scenario says that it catches it.
func (s Spec) Want(defect string) (string, bool) {
	i := slices.IndexFunc(s.Catches, func(c history.Catch) bool { return c.Defect == defect })
	if i < 0 {
		return "", false
	}
	return s.Catches[i].Check, true
}
