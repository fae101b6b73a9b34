package suite

import (
	"context"
	"fmt"
	"slices"

	"github.com/comeback-chaos/xk6-comeback/fakes/rollout"
	"github.com/comeback-chaos/xk6-comeback/harness"
	"github.com/comeback-chaos/xk6-comeback/harness/target"
)

// Uncaught lists the defects that no scenario of their target says to catch, of every target that one of
// scenarios is of, and of the deployer where one rolls out. It is an error when a scenario names a defect that its target has not.
func Uncaught(ctx context.Context, scenarios []Scenario, targets *target.File) ([]string, error) {
	var uncaught []string
	known := map[string][]string{}
	caught := map[string]bool{}
	for _, s := range scenarios {
		if slices.Contains(s.Needs, harness.FeatureRollout) {
			known[deployer] = deployerDefects()
		}
		if _, seen := known[s.Target]; !seen {
			t, err := targets.Target(s.Target)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.File, err)
			}
			if known[s.Target], err = t.DefectNames(ctx); err != nil {
				return nil, err
			}
		}
		for _, c := range s.Catches {
			if slices.Contains(known[deployer], c.Defect) {
				caught[deployer+" "+c.Defect] = true
				continue
			}
			if names := known[s.Target]; len(names) > 0 && !slices.Contains(names, c.Defect) {
				return nil, fmt.Errorf("%s: catches %q, which is no defect of target %s", s.File, c.Defect, s.Target)
			}
			caught[s.Target+" "+c.Defect] = true
		}
	}
	for name, defects := range known {
		for _, d := range defects {
			if !caught[name+" "+d] {
				uncaught = append(uncaught, d)
			}
		}
	}
	slices.Sort(uncaught)
	return uncaught, nil
}

// deployer stands among the targets for what rolls new versions out behind them: it has defects of its own, and
// scenarios that need a target with which that can be done catch them.
const deployer = "the deployer"

func deployerDefects() (names []string) {
	for _, d := range rollout.Defects {
		names = append(names, d.Name)
	}
	return names
}
