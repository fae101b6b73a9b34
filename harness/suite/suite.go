package suite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness"
	"github.com/comeback-chaos/xk6-comeback/harness/broker"
	"github.com/comeback-chaos/xk6-comeback/harness/check"
	"github.com/comeback-chaos/xk6-comeback/harness/child"
	"github.com/comeback-chaos/xk6-comeback/harness/target"
	"github.com/comeback-chaos/xk6-comeback/reports"
)

// Options say how the runs of a plan are made.
type Options struct {
	K6       string       // the binary
	Out      string       // folder for the runs' folders
	Broker   string       // as broker.Open takes it; runs share it, each in its own vhost
	Parallel int          // runs side by side; default 3
	Seed     string       // "": each run chooses its own
	Targets  *target.File // to skip scenarios that need what their target lacks; nil: the runs find out
	Progress io.Writer    // a line when a run has ended; nil: discard
}

const (
	runMargin  = 90 * time.Second // what a run may take beyond its load before it is killed: set-up, drain, judgement
	closeLimit = 10 * time.Second // of the shared broker
)

// Execute makes the runs. The error says that the suite itself could not work; what became of each
// run is in the result.
func Execute(ctx context.Context, plan []Run, o Options) (*reports.Suite, error) {
	if o.Parallel <= 0 {
		o.Parallel = 3
	}
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	began := time.Now()
	logs := filepath.Join(o.Out, ".k6")
	if err := os.MkdirAll(logs, 0o755); err != nil {
		return nil, fmt.Errorf("suite folder: %w", err)
	}
	var last tails
	group, err := child.NewGroup(ctx, child.Options{LogDir: logs, OnLine: last.keep})
	if err != nil {
		return nil, err
	}
	defer group.Close()
	shared, err := broker.Open(ctx, o.Broker, group, nil)
	if err != nil {
		return nil, err
	}
	closeBroker := func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeLimit)
		defer cancel()
		return shared.Close(ctx)
	}
	if o.Parallel, err = width(ctx, shared, o); err != nil {
		return nil, errors.Join(err, closeBroker())
	}
	e := &executor{Options: o, group: group, broker: shared, tails: &last, total: len(plan)}
	runs := e.all(ctx, plan)
	err = errors.Join(closeBroker(), group.Close(), context.Cause(ctx))
	s := &reports.Suite{Runs: runs, Wall: time.Since(began), Parallel: o.Parallel}
	for _, r := range runs {
		s.CriticalPath = max(s.CriticalPath, r.Wall)
	}
	return s, err
}

// executor makes runs, some side by side.
type executor struct {
	Options
	group  *child.Group
	broker broker.Broker
	tails  *tails
	total  int

	mu   sync.Mutex // guards Progress and done
	done int
}

// width is how many runs may go side by side: one, where the broker gives them no vhost each.
func width(ctx context.Context, b broker.Broker, o Options) (int, error) {
	const probe = "comeback-probe"
	err := b.AddVhost(ctx, probe)
	if err == nil {
		return o.Parallel, b.DropVhost(ctx, probe)
	}
	if !errors.Is(err, broker.ErrNoVhosts) {
		return 0, err
	}
	if o.Parallel > 1 {
		fmt.Fprintln(o.Progress, "one run at a time: this broker gives no run a vhost of its own")
	}
	return 1, nil
}

func (e *executor) all(ctx context.Context, plan []Run) []reports.Run {
	results := make([]reports.Run, len(plan))
	slots := make(chan struct{}, e.Parallel)
	var wg sync.WaitGroup
	for i, r := range plan {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			began := time.Now()
			results[i] = e.one(ctx, r)
			results[i].Wall = time.Since(began)
			e.progress(results[i])
		})
	}
	wg.Wait()
	return results
}

// one makes one run, in a process of its own, and reads the verdict that it leaves.
func (e *executor) one(ctx context.Context, r Run) reports.Run {
	result := reports.Run{Scenario: r.Scenario.Name, Defect: r.Defect, Want: r.Want, Dir: filepath.Join(e.Out, r.Name())}
	// What an earlier suite left must not be taken for this run's.
	if err := os.RemoveAll(filepath.Join(result.Dir, harness.VerdictFile)); err != nil {
		result.Err = err.Error()
		return result
	}
	if result.Skipped = e.cannot(r.Scenario); result.Skipped != "" {
		return result
	}
	ended, err := e.k6(ctx, r, result.Dir)
	if err != nil {
		result.Err = err.Error()
	}
	j, err := readVerdict(result.Dir)
	switch {
	case err != nil && result.Err == "":
		result.Err = err.Error()
	case err == nil && (j.Meta.Scenario != r.Scenario.Name || j.Meta.Defect != r.Defect || j.Meta.Target != r.Scenario.Target):
		result.Err = fmt.Sprintf("the verdict in %s is of %s on target %s, defect %q", result.Dir, j.Meta.Scenario, j.Meta.Target, j.Meta.Defect)
	case err == nil:
		result.Judgement = j
		if j.Verdict != check.Pass && ended {
			result.Err = "" // that code was the verdict's own
		}
	}
	return result
}

// cannot tells why a scenario cannot run here; "" when it can.
func (e *executor) cannot(s Scenario) string {
	if s.OwnBroker {
		if err := broker.LocalInstalled(); err != nil {
			return "it breaks its broker and needs one of its own: " + err.Error()
		}
	}
	if e.Targets == nil {
		return ""
	}
	t, err := e.Targets.Target(s.Target)
	if err != nil {
		return "" // a mistake, and no reason to skip: the run will say so
	}
	if err := t.Lacks(s.Needs); err != nil {
		return err.Error()
	}
	return ""
}

// k6 runs the script. A k6 that did not end well is an error, also beside a verdict that is a pass: it
// was killed, or has crossed a threshold. ended: by itself, with a code.
func (e *executor) k6(ctx context.Context, r Run, dir string) (ended bool, err error) {
	choice, drop, err := e.brokerFor(ctx, r)
	if err != nil {
		return false, err
	}
	defer drop()
	args := []string{"run", "--no-color", "--quiet", "-e", "OUT=" + dir}
	if r.Scenario.Instead {
		args = append(args, "-e", "TARGET="+r.Scenario.Target)
	}
	if r.Defect != "" {
		args = append(args, "-e", "DEFECT="+r.Defect)
	}
	if e.Seed != "" {
		args = append(args, "-e", "SEED="+e.Seed)
	}
	cwd, err := os.Getwd()
	if err != nil {
		return false, err
	}
	p, err := e.group.Start(child.Spec{
		Name: r.Name(), Path: e.K6, Args: append(args, r.Scenario.File), Dir: cwd, InheritEnv: true,
		// By the environment: a URL in an argument would show its password to everybody.
		Env: []string{broker.EnvChoice + "=" + choice},
	})
	if err != nil {
		return false, err
	}
	limit := time.NewTimer(r.Scenario.Load.Duration + runMargin)
	defer limit.Stop()
	select {
	case <-p.Done():
	case <-limit.C:
		p.Kill()
		<-p.Done()
		return false, fmt.Errorf("killed: it had not ended %v after its load should have", runMargin)
	case <-ctx.Done():
		_, err := p.Stop(context.WithoutCancel(ctx), 10*time.Second)
		return false, errors.Join(context.Cause(ctx), err)
	}
	if p.Exit().OK() {
		return true, nil
	}
	return p.Exit().Signal == 0, fmt.Errorf("k6 ended with %s: %s", p.Exit(), e.tails.of(r.Name()))
}

// brokerFor gives a run the shared broker, in a vhost of its own, or tells it to start one.
func (e *executor) brokerFor(ctx context.Context, r Run) (choice string, drop func(), err error) {
	if r.Scenario.OwnBroker {
		return "local", func() {}, nil
	}
	vhost := r.Name()
	switch err := e.broker.AddVhost(ctx, vhost); {
	case errors.Is(err, broker.ErrNoVhosts):
		return e.broker.URL(""), func() {}, nil
	case err != nil:
		return "", nil, err
	}
	return e.broker.URL(vhost), func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = e.broker.DropVhost(ctx, vhost) // the broker ends with the suite in any case
	}, nil
}

func readVerdict(dir string) (*check.Judgement, error) {
	f, err := os.Open(filepath.Join(dir, harness.VerdictFile))
	if err != nil {
		return nil, fmt.Errorf("no verdict: %w", err)
	}
	defer f.Close()
	return reports.ReadJSON(f)
}

// tails keeps the last lines that each process printed.
type tails struct {
	mu    sync.Mutex
	lines map[string][]string
}

func (t *tails) keep(name, line string) {
	if strings.TrimSpace(line) == "" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lines == nil {
		t.lines = map[string][]string{}
	}
	lines := append(t.lines[name], line)
	t.lines[name] = lines[max(0, len(lines)-5):]
}

func (t *tails) of(name string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(t.lines[name], " | ")
}
