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

// runMargin is what a run may take beyond its load before it is killed: set-up, drain, judgement.
const runMargin = 90 * time.Second

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
	e := &executor{Options: o, group: group, tails: &last, total: len(plan)}
	if err := e.openBroker(ctx, plan); err != nil {
		return nil, err
	}
	runs := e.all(ctx, plan)
	err = errors.Join(e.closeBroker(ctx), group.Close(), context.Cause(ctx))
	s := &reports.Suite{Runs: runs, Wall: time.Since(began), Parallel: e.Parallel}
	for _, r := range runs {
		s.CriticalPath = max(s.CriticalPath, r.Wall)
	}
	return s, err
}

// executor makes runs, some side by side.
type executor struct {
	Options
	group  *child.Group
	broker broker.Broker // nil: no run of the plan shares one
	tails  *tails
	total  int

	mu   sync.Mutex // guards Progress and done
	done int
}

func (e *executor) all(ctx context.Context, plan []Run) []reports.Run {
	results := make([]reports.Run, len(plan))
	slots := make(chan struct{}, e.Parallel)
	run := func(i int) {
		began := time.Now()
		results[i] = e.one(ctx, plan[i])
		results[i].Wall = time.Since(began)
		e.progress(results[i])
	}
	var wg sync.WaitGroup
	for i, r := range plan {
		if r.alone() {
			continue
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			run(i)
		})
	}
	wg.Wait()
	for i, r := range plan {
		if r.alone() {
			run(i)
		}
	}
	return results
}

// one makes one run, in a process of its own, and reads the verdict that it leaves.
func (e *executor) one(ctx context.Context, r Run) reports.Run {
	result := reports.Run{Scenario: r.Scenario.Name, Target: r.Scenario.Target, Defect: r.Defect, Want: r.Want, Dir: filepath.Join(e.Out, r.Name())}
	// What an earlier suite left must not be taken for this run's.
	if err := os.RemoveAll(filepath.Join(result.Dir, harness.VerdictFile)); err != nil {
		result.Err = err.Error()
		return result
	}
	if result.Skipped = e.cannot(r.Scenario); result.Skipped != "" {
		return result
	}
	exit, err := e.k6(ctx, r, result.Dir)
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
		if j.Verdict != check.Pass && exit == j.Verdict.Code() {
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
	if err := s.Missing(); err != nil {
		return err.Error()
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
// was killed, or has crossed a threshold. exit is the code that it ended with by itself, or else a negative number.
func (e *executor) k6(ctx context.Context, r Run, dir string) (exit int, err error) {
	choice, drop, err := e.brokerFor(ctx, r)
	if err != nil {
		return -1, err
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
		return -1, err
	}
	p, err := e.group.Start(child.Spec{
		Name: r.Name(), Path: e.K6, Args: append(args, r.Scenario.File), Dir: cwd, InheritEnv: true,
		// By the environment: a URL in an argument would show its password to everybody.
		Env: []string{broker.EnvChoice + "=" + choice},
	})
	if err != nil {
		return -1, err
	}
	limit := time.NewTimer(r.Scenario.Length() + runMargin)
	defer limit.Stop()
	select {
	case <-p.Done():
	case <-limit.C:
		p.Kill()
		<-p.Done()
		return -1, fmt.Errorf("killed: it had not ended %v after its load should have", runMargin)
	case <-ctx.Done():
		_, err := p.Stop(context.WithoutCancel(ctx), 10*time.Second)
		return -1, errors.Join(context.Cause(ctx), err)
	}
	if p.Exit().OK() {
		return 0, nil
	}
	exit = p.Exit().Code
	if p.Exit().Signal != 0 {
		exit = -1
	}
	return exit, fmt.Errorf("k6 ended with %s: %s", p.Exit(), e.tails.of(r.Name()))
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
