package harness

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/child"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/target"
)

// instance is one process of the target.
type instance struct {
	lab  *Lab
	name string
	what target.Start

	process *child.Process // guarded by lab.mu
}

// startTargets starts every instance and waits until each is ready.
func (l *Lab) startTargets(ctx context.Context) error {
	for i := range l.target.Instances {
		addresses, err := l.addresses(i)
		if err != nil {
			return err
		}
		what, err := l.target.Resolve(addresses, l.config.Defect, l.config.Spec.Needs)
		if err != nil {
			return err
		}
		l.targets = append(l.targets, &instance{lab: l, name: instanceName(l.config.Spec.Target, i), what: what})
	}
	for _, t := range l.targets {
		if err := t.Start(ctx); err != nil {
			return err
		}
	}
	for _, t := range l.targets {
		if err := t.ready(ctx, l.target.Ready.Limit); err != nil {
			return err
		}
	}
	return nil
}

// addresses is what the instance is told.
func (l *Lab) addresses(i int) (target.Addresses, error) {
	port, err := child.FreePort()
	if err != nil {
		return nil, err
	}
	state := filepath.Join(l.group.Dir(), fmt.Sprintf("state-%d", i))
	if err := os.Mkdir(state, 0o700); err != nil {
		return nil, fmt.Errorf("folder for the target's state: %w", err)
	}
	return target.Addresses{
		target.Broker: l.urlThrough(l.wires[i]), target.Queue: l.target.Queue, target.Dead: l.target.Dead,
		target.AI: l.worker.url(), target.API: l.api.URL(), target.Alerts: l.alerts.URL(),
		target.HostProc: l.host.Dir, target.Restart: l.HookPath("restart"), target.Terminate: l.HookPath("terminate"),
		target.Listen: fmt.Sprintf("127.0.0.1:%d", port), target.State: state,
		target.Instance: fmt.Sprintf("i-%08x%09d", l.config.Seed&0xffffffff, i), target.Region: "eu-central-1",
	}, nil
}

// Start starts the process without waiting until it is ready.
func (t *instance) Start(context.Context) error {
	p, err := t.lab.group.Start(child.Spec{Name: t.name, Path: t.what.Path, Args: t.what.Args, Env: t.environment()})
	if err != nil {
		return err
	}
	t.lab.mu.Lock()
	t.process = p
	t.lab.mu.Unlock()
	return nil
}

// environment is what the target's entry says, and the little that any program needs. The harness's
// own environment stays out: it may hold secrets, and it would make runs differ.
func (t *instance) environment() []string {
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.lab.group.Dir(), "LANG=C.UTF-8"}
	return append(env, t.what.Env...)
}

// Stop asks the process to end and kills it after its grace period.
func (t *instance) Stop(ctx context.Context) error {
	p := t.current()
	if p == nil {
		return nil
	}
	_, err := p.Stop(ctx, t.lab.target.Stop.Limit)
	return err
}

func (t *instance) current() *child.Process {
	t.lab.mu.Lock()
	defer t.lab.mu.Unlock()
	return t.process
}

// readyPeriod is how often a starting target is asked.
const readyPeriod = 20 * time.Millisecond

// ready waits until the instance answers 200.
func (t *instance) ready(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	p := t.current()
	tick := time.NewTicker(readyPeriod)
	defer tick.Stop()
	last := errors.New("it was not asked yet")
	for {
		select {
		case <-p.Done():
			<-p.Drained()
			return fmt.Errorf("%s ended before it was ready: %s: %s: see %s", t.name, p.Exit(), t.lastLine(), t.logs())
		case <-ctx.Done():
			return fmt.Errorf("%s was not ready within %v: %w: %s: see %s", t.name, limit, last, t.lastLine(), t.logs())
		case <-tick.C:
		}
		if last = ask(ctx, t.what.Ready); last == nil {
			t.lab.record.Append(&history.Event{Kind: history.ProcReady, Who: t.name, N: int64(p.PID())})
			return nil
		}
	}
}

func (t *instance) logs() string { return filepath.Join(t.lab.config.Out, logFolder) }

// lastLine is what the instance printed last.
func (t *instance) lastLine() string {
	line, ok := t.lab.last.Load(t.name)
	if !ok {
		return "it printed nothing"
	}
	return fmt.Sprintf("it last printed %q", line)
}

// ask wants a 200 from url.
func ask(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s answered %s", url, resp.Status)
	}
	return nil
}
