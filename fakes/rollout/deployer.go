package rollout

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// Deployer runs the tasks of one service. Its exported fields are set before the first deployment.
type Deployer struct {
	Settings  Settings
	Rules     Rules
	Instances Instances
	Balancer  Balancer
	OnEvent   func(Event) // one call at a time; nil: not told

	mu    sync.Mutex // one deployment at a time
	now   string     // version of the last complete deployment
	tasks []*task
	made  int
	stops sync.WaitGroup
}

// Adopt takes what runs, by the names that the balancer knows, for the tasks of a version: the last complete
// deployment. The next tasks are numbered from made + 1. It is called before the first deployment.
func (d *Deployer) Adopt(version string, running map[string]Instance, made int) {
	d.now, d.made = version, made
	for _, name := range slices.Sorted(maps.Keys(running)) {
		t := Task{Name: name, Version: version, Started: time.Now(), State: Starting}
		d.tasks = append(d.tasks, &task{Task: t, instance: running[name], registered: true})
	}
}

// Deploy brings a version into service and returns nil when it serves alone. ErrRolledBack: the former
// one does. ErrNotRolledBack: the limit has passed, and nothing more is done. When ctx ends, all stays as
// it is.
func (d *Deployer) Deploy(ctx context.Context, version string) error {
	if err := d.Settings.Check(); err != nil {
		return fmt.Errorf("rollout of %s: %w", version, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	defer d.stops.Wait()
	former := d.now
	why, err := d.run(ctx, version, "begin", fmt.Sprintf("%d tasks, %d at least healthy, %d at most", d.Settings.Desired, d.Settings.Floor(), d.Settings.Ceiling()))
	switch {
	case err != nil:
		return fmt.Errorf("rollout of %s: %w", version, err)
	case why == "":
		d.now = version
		return nil
	case !d.Settings.Rollback:
		return fmt.Errorf("rollout of %s: %w: %s", version, ErrNotRolledBack, why)
	case former == "" || former == version:
		return fmt.Errorf("rollout of %s: %w, there is no former version: %s", version, ErrNotRolledBack, why)
	}
	again, err := d.run(ctx, former, "rollback", why)
	if err == nil && again == "" {
		return fmt.Errorf("rollout of %s: %w to %s: %s", version, ErrRolledBack, former, why)
	}
	if err == nil {
		err = fmt.Errorf("%s", again)
	}
	return fmt.Errorf("rollout of %s: %w: %s; then %s: %w", version, ErrNotRolledBack, why, former, err)
}

// run works until the target serves alone (""), or has failed, which gives the reason.
func (d *Deployer) run(ctx context.Context, target, do, text string) (why string, err error) {
	r := &run{Deployer: d, rules: d.Rules.orECS(), ctx: ctx, target: target, began: time.Now()}
	d.tell(do, nil, target, text)
	tick := time.NewTicker(time.Duration(d.Settings.Poll))
	defer tick.Stop()
	for {
		s, seen := r.look()
		if why := r.rules.GiveUp(s); why != "" {
			d.tell("give-up", nil, target, why)
			return why, nil
		}
		if seen { // without the balancer's word nobody is started or stopped
			if r.rules.Done(s) {
				d.tell("done", nil, target, s.String())
				return "", nil
			}
			r.act(s)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
	}
}

func (d *Deployer) tell(do string, t *task, version, text string) {
	if d.OnEvent == nil {
		return
	}
	e := Event{At: time.Now(), Do: do, Version: version, Text: text}
	if t != nil {
		e.Task, e.Version = t.Name, t.Version
	}
	d.OnEvent(e)
}
