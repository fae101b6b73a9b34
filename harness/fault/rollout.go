package fault

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/rollout"
	"github.com/comeback-chaos/xk6-comeback/fakes/script"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/server"
)

var rolloutKind = Kind{
	Name: "rollout", Args: []string{"version"},
	Of:  Requests,
	Doc: "deploys another version of what is behind the target",
	Does: `A deployer with the rules of Amazon ECS starts backends of the new version, tells the target of them by its admin
API, and takes those out that serve now, once the new ones are healthy; what fails too often, or takes too long, it rolls back.
In effect once it has started or stopped one, or the target refused that; spent once it has ended. Healed, it is called off if it is
still at work, and all stays as it is; gone once it has ended as it should (ends) and a backend has answered a request well.`,
	Correct: `Gives a backend requests from the moment when it is healthy until it is told to drain, and none after that; lets it finish
what it has; says why a backend is not healthy; does not give up the last healthy one.`,
	Needs: "a target whose backends can be changed (needs: 'rollout').",
	New:   func() Fault { return newRollout() },
}

// Rollout deploys another version. The settings are those of an ECS service.
type Rollout struct {
	Version        string          `json:"version" doc:"of the new backends, in X-Version"`
	Backend        server.Spec     `json:"backend" doc:"how they work: an upstream, with rules if wanted, or {asgi: {…}}; default: an upstream when all is well"`
	Health         map[string]any  `json:"health" doc:"what the target is told of their health checks: {path, codes, interval, timeout, healthy, unhealthy, grace}; default: the path of the backend, 200, every 200ms for 150ms, 2 and 2"`
	Desired        int             `json:"desired" doc:"backends; default: as many as serve now"`
	MinimumHealthy int             `json:"minimumHealthy" doc:"percent of desired that stay healthy at least; default 100"`
	Maximum        int             `json:"maximum" doc:"percent of desired that run at most; default 200"`
	Grace          script.Duration `json:"grace" doc:"so long after its start a backend need not be healthy; default: until the target calls it unhealthy"`
	Drain          script.Duration `json:"drain" doc:"that one which goes has for its requests; default 2s"`
	Limit          script.Duration `json:"limit" doc:"of the rollout, and again of its rollback; default 8s"`
	Poll           script.Duration `json:"poll" doc:"it looks so often; default 100ms"`
	Breaker        bool            `json:"breaker" doc:"so many failures in a row are enough: half of desired, three at least; default true"`
	Rollback       bool            `json:"rollback" doc:"back to the former version when the breaker or the limit says so; default true"`
	Ends           string          `json:"ends" doc:"how it must end: 'done' (default), 'rolled-back' or 'not-rolled-back'"`
	Says           string          `json:"says" doc:"part of the reason that it must give for that"`
}

func newRollout() *Rollout {
	return &Rollout{
		MinimumHealthy: 100, Maximum: 200, Breaker: true, Rollback: true, Ends: history.RolloutDone,
		Drain: seconds(2), Limit: seconds(8), Poll: script.Duration(100 * time.Millisecond),
	}
}

func seconds(n int) script.Duration { return script.Duration(n) * script.Duration(time.Second) }

// Inject implements Fault.
func (f *Rollout) Inject(ctx context.Context, lab Lab) (Injected, error) {
	ends := []string{history.RolloutDone, history.RolledBack, history.NotRolledBack}
	switch {
	case f.Version == "" || strings.ContainsAny(f.Version, " /\n"):
		return Injected{}, fmt.Errorf("version: %q, want a word: what the new backends say in X-Version", f.Version)
	case !slices.Contains(ends, f.Ends):
		return Injected{}, fmt.Errorf("ends: %q, want one of %q", f.Ends, ends)
	case f.Says != "" && f.Ends == history.RolloutDone:
		return Injected{}, errors.New("says: a rollout gives no reason for being done")
	}
	release, err := lab.Claim("what is deployed")
	if err != nil {
		return Injected{}, err
	}
	d := &deployment{Rollout: f, lab: lab, over: make(chan struct{})}
	if err := d.prepare(ctx); err != nil {
		release()
		return Injected{}, err
	}
	acts := lab.Watch(func(e *history.Event) bool {
		do, _, _ := strings.Cut(e.Text, " ")
		return e.Kind == history.Rollout && slices.Contains([]string{"start", "drain", "trouble"}, do)
	})
	ctx, callOff := context.WithCancelCause(ctx)
	go d.run(ctx)
	return Injected{
		InEffect: func(ctx context.Context) (string, error) {
			defer acts.Close()
			e, err := acts.Next(ctx)
			return strings.TrimSpace(e.Who + " " + e.Text), err
		},
		Spent: func(ctx context.Context) error { return closed(ctx, d.over) },
		Heal: func(ctx context.Context) error {
			acts.Close()
			callOff(errCalledOff)
			if err := closed(ctx, d.over); err != nil {
				return fmt.Errorf("waiting until the deployer has stopped: %w", err)
			}
			release()
			return nil
		},
		Gone: d.gone,
	}, nil
}

var errCalledOff = errors.New("called off")

// deployment is one under way.
type deployment struct {
	*Rollout
	lab      Lab
	deployer *rollout.Deployer

	names sync.Map      // of backends, by the target's labels for them
	over  chan struct{} // closed when it has ended
	ended string        // how
	why   string
}

// prepare makes the deployer, with what serves now as the last complete deployment.
func (d *deployment) prepare(ctx context.Context) error {
	admin, err := d.lab.AdminURL()
	if err != nil {
		return err
	}
	health := map[string]any{"path": d.Backend.Health(), "interval": "200ms", "timeout": "150ms", "healthy": 2, "unhealthy": 2}
	maps.Copy(health, d.Health)
	balancer := &rollout.Proxy{Admin: admin, Backend: map[string]any{"health": health}}
	version, serving, err := d.serving(ctx, balancer)
	if err != nil {
		return err
	}
	if d.Desired == 0 {
		d.Desired = len(serving)
	}
	d.deployer = &rollout.Deployer{Balancer: balancer, OnEvent: d.record, Settings: rollout.Settings{
		Desired: d.Desired, MinimumHealthy: d.MinimumHealthy, Maximum: d.Maximum, Grace: d.Grace, Drain: d.Drain,
		Limit: d.Limit, Poll: d.Poll, Breaker: d.Breaker, Rollback: d.Rollback,
	}}
	if err := d.deployer.Settings.Check(); err != nil {
		return err
	}
	d.deployer.Instances = instances{d, version, serving}
	running := map[string]rollout.Instance{}
	for label, b := range serving {
		running[label] = b
	}
	d.deployer.Adopt(version, running, len(d.lab.Backends()))
	if defect, is := rollout.FindDefect(d.lab.Defect()); is {
		defect.Apply(d.deployer)
	}
	return nil
}

// serving are the backends that the target knows now, by its labels, and the version that they have in common.
func (d *deployment) serving(ctx context.Context, balancer rollout.Balancer) (version string, serving map[string]Backend, err error) {
	known, err := balancer.Backends(ctx)
	if err != nil {
		return "", nil, err
	}
	serving = map[string]Backend{}
	for _, b := range d.lab.Backends() {
		if there, is := known[b.Label()]; !is || there.State == rollout.Leaving {
			continue
		}
		d.names.Store(b.Label(), b.Name())
		serving[b.Label()] = b
		if v := b.Spec().Version(); version == "" {
			version = v
		} else if v != version {
			return "", nil, fmt.Errorf("versions %s and %s are there: a rollout begins with one only", version, v)
		}
	}
	if version == "" || version == d.Version {
		return "", nil, fmt.Errorf("version: %q is deployed, by %d backends: want another one", d.Version, len(serving))
	}
	return version, serving, nil
}

// run deploys, and records how that ended.
func (d *deployment) run(ctx context.Context) {
	defer close(d.over)
	err := d.deployer.Deploy(ctx, d.Version)
	switch {
	case err == nil:
		d.ended = history.RolloutDone
	case errors.Is(err, rollout.ErrRolledBack):
		d.ended = history.RolledBack
	case errors.Is(err, rollout.ErrNotRolledBack):
		d.ended = history.NotRolledBack
	default:
		d.ended = history.CalledOff
	}
	if err != nil {
		d.why = err.Error()
	}
	d.lab.Record(&history.Event{Kind: history.Rollout, Text: strings.TrimSpace(fmt.Sprintf("ended %s %s %s", d.Version, d.ended, d.why))})
}

// record writes down what the deployer did or saw.
func (d *deployment) record(e rollout.Event) {
	h := history.Event{Kind: history.Rollout, Text: strings.TrimSpace(e.Do + " " + e.Version + " " + e.Text)}
	if name, is := d.names.Load(e.Task); is {
		h.Who = name.(string)
	}
	switch e.Do {
	case "begin", "rollback":
		s := d.deployer.Settings
		h.N, h.Code, h.Tag = time.Duration(s.Limit).Milliseconds(), int32(s.Floor()), uint64(s.Ceiling())
	case "done":
		h.Code = int32(d.deployer.Settings.Desired)
	case "drain":
		h.N = time.Duration(d.deployer.Settings.Drain).Milliseconds()
	}
	d.lab.Record(&h)
}

// gone wants the end that was to come, and then an answer.
func (d *deployment) gone(ctx context.Context) (string, error) {
	if d.ended != d.Ends {
		return "", fmt.Errorf("the rollout of %s ended %s, wanted %s: %s", d.Version, d.ended, d.Ends, d.why)
	}
	gives := d.lab.Watch(func(e *history.Event) bool { return e.Kind == history.Give && e.Code >= 200 && e.Code < 400 })
	defer gives.Close()
	e, err := gives.Next(ctx)
	if err != nil {
		return "", fmt.Errorf("the rollout of %s ended %s, but no backend answers a request well: %w", d.Version, d.ended, err)
	}
	return fmt.Sprintf("the rollout of %s ended %s, and %s answered a request with %d", d.Version, d.ended, e.Who, e.Code), nil
}

// instances starts backends.
type instances struct {
	*deployment
	former string
	old    map[string]Backend // of the former version
}

// Start implements rollout.Instances.
func (i instances) Start(ctx context.Context, label, version string) (rollout.Instance, error) {
	spec := i.Backend.As(version)
	if version == i.former {
		for _, b := range i.old {
			spec = b.Spec()
		}
	}
	b, err := i.lab.AddBackend(ctx, label, spec)
	if err != nil {
		return nil, err
	}
	i.names.Store(label, b.Name())
	return b, b.Launch()
}
