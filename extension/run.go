package extension

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/js/promises"

	"github.com/comeback-chaos/xk6-comeback/harness"
	"github.com/comeback-chaos/xk6-comeback/harness/fault"
)

var errNotStarted = errors.New("the run is not started: call run.start() in setup()")

// runObject is what incident() gives the script.
func (m *module) runObject(spec harness.Spec) sobek.Value {
	rt := m.vu.Runtime()
	o := rt.NewObject()
	for name, value := range m.runMembers(spec) {
		if err := o.Set(name, value); err != nil {
			return m.throw(err)
		}
	}
	return o
}

func (m *module) runMembers(spec harness.Spec) map[string]any {
	return map[string]any{
		"options":   options(spec),
		"start":     m.start,
		"submit":    m.submit,
		"steady":    m.steady,
		"inject":    m.inject,
		"recovered": m.recovered,
		"loadEnd":   m.loadEnd,
		"hookCalls": m.hookCalls,
		"mark":      m.mark,
		"sweep":     m.sweep,
		"client":    m.client,
	}
}

// options are the k6 options of a run: its load, open model, and beside it its story. A sweep has its story only.
func options(s harness.Spec) map[string]any {
	scenarios := map[string]any{
		"story": map[string]any{
			"executor": "per-vu-iterations", "exec": "story", "vus": 1, "iterations": 1,
			"maxDuration": (s.Length() + time.Second).String(), "gracefulStop": "0s",
		},
	}
	if s.Sweep == nil {
		scenarios["load"] = map[string]any{
			"executor": "constant-arrival-rate", "exec": "load",
			"rate": s.Load.Rate, "timeUnit": "1s", "duration": s.Load.Duration.String(),
			// An iteration takes microseconds: all but a few VUs are there to make up for a machine
			// that stood still for up to a second.
			"preAllocatedVUs": max(50, min(500, int(s.Load.Rate))), "gracefulStop": "1s",
		}
	}
	return map[string]any{"scenarios": scenarios, "setupTimeout": "120s"}
}

// start is run.start(): it stands the lab up and returns when its target is ready.
func (m *module) start() error {
	state := m.vu.State()
	if state == nil || state.VUID != 0 { // k6 runs setup on a VU of no number
		return errors.New("run.start() belongs in setup()")
	}
	return m.session.start(m.vu.Context(), state)
}

// submit is run.submit(job, options): it offers one message and returns its id, without waiting for
// the broker.
func (m *module) submit(job, options sobek.Value) (string, error) {
	lab := m.session.running()
	if lab == nil {
		return "", errNotStarted
	}
	body, err := encode(job)
	if err != nil {
		return "", fmt.Errorf("run.submit(): %w", err)
	}
	props, err := parseProps(options)
	if err != nil {
		return "", fmt.Errorf("run.submit(): %w", err)
	}
	id, err := lab.Submit(body, props)
	if err != nil {
		return "", err
	}
	return id.String(), nil
}

// encode makes a message body of what a script passes: text and bytes as they are, the rest as JSON.
func encode(job sobek.Value) ([]byte, error) {
	switch v := job.(type) {
	case sobek.String:
		return []byte(v.String()), nil
	case *sobek.Object:
		if b, ok := v.Export().(sobek.ArrayBuffer); ok {
			return b.Bytes(), nil
		}
		return v.MarshalJSON()
	}
	if job == nil || sobek.IsUndefined(job) {
		return nil, errors.New("it wants a job: an object, a string or an ArrayBuffer")
	}
	return json.Marshal(job.Export())
}

// steady is run.steady(): it waits until the load has been flowing evenly for a while.
func (m *module) steady() (*sobek.Promise, error) {
	return m.promise(func(ctx context.Context, lab *harness.Lab) (any, error) {
		return nil, lab.Steady(ctx)
	})
}

// recovered is run.recovered(): seconds from the last heal until the steady state held again, or
// null when the load ended before it did. What that means for the verdict is for the checks to say.
func (m *module) recovered() (*sobek.Promise, error) {
	return m.promise(func(ctx context.Context, lab *harness.Lab) (any, error) {
		after, ok, err := lab.Recovered(ctx)
		if err != nil || !ok {
			return nil, err
		}
		return after.Seconds(), nil
	})
}

// loadEnd is run.loadEnd(): it waits until the load has ended.
func (m *module) loadEnd() (*sobek.Promise, error) {
	return m.promise(func(ctx context.Context, lab *harness.Lab) (any, error) {
		return nil, lab.LoadEnd(ctx)
	})
}

// sweep is run.sweep(): it measures the target with one number of workers after another.
func (m *module) sweep() (*sobek.Promise, error) {
	return m.promise(func(ctx context.Context, lab *harness.Lab) (any, error) {
		return nil, lab.Sweep(ctx)
	})
}

// hookCalls is run.hookCalls(hook, n): it waits until the target has called a hook n times.
func (m *module) hookCalls(hook string, n int) (*sobek.Promise, error) {
	return m.promise(func(ctx context.Context, lab *harness.Lab) (any, error) {
		return nil, lab.HookCalls(ctx, hook, n)
	})
}

// mark is run.mark(name): it puts a milestone of the script's own into the history.
func (m *module) mark(name string) error {
	lab := m.session.running()
	if lab == nil {
		return errNotStarted
	}
	lab.Mark(name)
	return nil
}

// inject is run.inject(fault): it puts a fault in place and gives the handle that heals it.
func (m *module) inject(arg sobek.Value) (*sobek.Promise, error) {
	spec, err := faultSpec(arg)
	if err != nil {
		return nil, fmt.Errorf("run.inject(): %w", err)
	}
	return m.promise(func(_ context.Context, lab *harness.Lab) (any, error) {
		active, err := lab.Inject(spec)
		if err != nil {
			return nil, err
		}
		return m.faultHandle(active), nil
	})
}

// faultHandle is what run.inject() resolves to. Its methods run on the VU later; it holds no JS value.
func (m *module) faultHandle(a *fault.Active) map[string]any {
	return map[string]any{
		"inEffect": func() (*sobek.Promise, error) {
			return m.promise(func(ctx context.Context, _ *harness.Lab) (any, error) { return a.InEffect(ctx) })
		},
		"spent": func() (*sobek.Promise, error) {
			return m.promise(func(ctx context.Context, _ *harness.Lab) (any, error) { return nil, a.Spent(ctx) })
		},
		"heal": func() (*sobek.Promise, error) {
			return m.promise(func(ctx context.Context, _ *harness.Lab) (any, error) { return nil, a.Heal(ctx) })
		},
		"gone": func() (*sobek.Promise, error) {
			return m.promise(func(ctx context.Context, _ *harness.Lab) (any, error) { return a.Gone(ctx) })
		},
	}
}

// promise runs f beside the VU. It gives up when the iteration ends, or Ctrl-C would hang: also on an f
// that does not notice, such as the injection of a fault that waits for a stubborn process. The lab's own
// end ends that.
func (m *module) promise(f func(context.Context, *harness.Lab) (any, error)) (*sobek.Promise, error) {
	lab := m.session.running()
	if lab == nil {
		return nil, errNotStarted
	}
	ctx := m.vu.Context()
	p, resolve, reject := promises.New(m.vu)
	type result struct {
		value any
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := f(ctx, lab)
		done <- result{value, err}
	}()
	go func() {
		select {
		case r := <-done:
			if r.err == nil {
				resolve(r.value)
				return
			}
			reject(r.err)
		case <-ctx.Done():
			reject(context.Cause(ctx))
		}
	}()
	return p, nil
}
