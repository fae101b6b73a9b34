package suite

import (
	"fmt"
	"slices"
	"strings"
)

// Run is one run to be made: a scenario on its target, or on a defect of it.
type Run struct {
	Scenario Scenario
	Defect   string // "": the target itself
	Want     string // the check that must fail on the defect
}

// Name names the run and its folder.
func (r Run) Name() string {
	if r.Defect == "" {
		return r.Scenario.Name
	}
	return r.Scenario.Name + "--" + r.Defect // a name has single dashes only, or folders could collide
}

// alone tells whether nothing may run beside it: a sweep measures what the server can do on this machine.
func (r Run) alone() bool { return r.Scenario.Sweep != nil }

// Plan lists the runs of a suite: each scenario once on its target; or, for its teeth, once on each
// defect that it says it catches. only, when not empty, keeps the scenarios so named.
func Plan(scenarios []Scenario, teeth bool, only []string) ([]Run, error) {
	var runs []Run
	for _, name := range only {
		if !slices.ContainsFunc(scenarios, func(s Scenario) bool { return s.Name == name }) {
			return nil, fmt.Errorf("no scenario %q; there are %s", name, names(scenarios))
		}
	}
	for _, s := range scenarios {
		if len(only) > 0 && !slices.Contains(only, s.Name) {
			continue
		}
		if !teeth {
			runs = append(runs, Run{Scenario: s})
			continue
		}
		if len(s.Catches) == 0 {
			return nil, fmt.Errorf("%s: scenario %s has no teeth: it catches no defect", s.File, s.Name)
		}
		for _, c := range s.Catches {
			runs = append(runs, Run{Scenario: s, Defect: c.Defect, Want: c.Check})
		}
	}
	// The longest first: a long run that starts last would stretch the whole.
	slices.SortStableFunc(runs, func(a, b Run) int {
		return int(b.Scenario.Length() - a.Scenario.Length())
	})
	return runs, nil
}

// Retarget keeps the scenarios of one target and gives them another instead, as "from=to" says.
func Retarget(scenarios []Scenario, fromTo string) ([]Scenario, error) {
	from, to, ok := strings.Cut(fromTo, "=")
	if !ok || from == "" || to == "" {
		return nil, fmt.Errorf("target: %q, want <a scenario's target>=<the one to run instead>", fromTo)
	}
	var kept []Scenario
	for _, s := range scenarios {
		if s.Target == from {
			s.Target, s.Instead = to, true
			kept = append(kept, s)
		}
	}
	if len(kept) == 0 {
		return nil, fmt.Errorf("target: no scenario is of %q", from)
	}
	return kept, nil
}

func names(scenarios []Scenario) string {
	var all []string
	for _, s := range scenarios {
		all = append(all, s.Name)
	}
	return strings.Join(all, ", ")
}
