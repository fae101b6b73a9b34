package fault

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
)

var rebootKind = Kind{
	Name: "reboot", Args: []string{"under"},
	Doc: "stops an instance of the target and starts it under other faults",
	Does: `Asks the process to end (SIGTERM, SIGKILL after its grace period), puts the other faults in place, and starts it. In
effect once each of them is; healed, they are undone, and it is gone once each of them is.`,
	Correct: "Waits with its first job until all that it needs is there, however long that takes, and says what it waits for.",
	New:     func() Fault { return &Reboot{} },
}

// Reboot stops the target and starts it anew under other faults, as a fresh instance that finds its
// host or its neighbours not ready. Healed, those faults are undone; the target is left as it is.
type Reboot struct {
	Under    []Spec `json:"under" doc:"put in place while the target is down; at least one"`
	Instance int    `json:"instance" doc:"which of the target's, from 0"`
}

// Inject implements Fault. It is in effect once each of the faults is.
func (f *Reboot) Inject(ctx context.Context, lab Lab) (Injected, error) {
	if len(f.Under) == 0 {
		return Injected{}, errors.New("under: none: it wants at least one fault")
	}
	target, err := instance(lab, f.Instance)
	if err != nil {
		return Injected{}, err
	}
	release, err := lab.Claim(processOf(target))
	if err != nil {
		return Injected{}, err
	}
	if err := target.Stop(ctx); err != nil {
		release()
		return Injected{}, fmt.Errorf("stop the target: %w", err)
	}
	all, err := injectAll(ctx, lab, f.Under)
	if err != nil {
		release()
		return Injected{}, errors.Join(err, target.Start(ctx))
	}
	if err := target.Start(ctx); err != nil {
		release()
		return Injected{}, errors.Join(fmt.Errorf("start the target: %w", err), healAll(ctx, all))
	}
	return Injected{
		InEffect: func(ctx context.Context) (string, error) {
			return each(all, func(in Injected) (string, error) { return in.InEffect(ctx) })
		},
		Heal: func(ctx context.Context) error {
			if err := healAll(ctx, all); err != nil {
				return err
			}
			release()
			return nil
		},
		Gone: func(ctx context.Context) (string, error) {
			return each(all, func(in Injected) (string, error) { return in.Gone(ctx) })
		},
	}, nil
}

// injectAll puts every fault in place, or none.
func injectAll(ctx context.Context, lab Lab, specs []Spec) ([]Injected, error) {
	var all []Injected
	for _, s := range specs {
		f, err := New(s)
		if err != nil {
			return nil, errors.Join(err, healAll(ctx, all))
		}
		in, err := f.Inject(ctx, lab)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", s.Fault, err), healAll(ctx, all))
		}
		all = append(all, in)
	}
	return all, nil
}

// healAll undoes faults, the last first, and goes on when one cannot be undone. It works on a context
// of its own: what failed before may have been the given one.
func healAll(ctx context.Context, all []Injected) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), healLimit)
	defer cancel()
	var errs []error
	for _, in := range slices.Backward(all) {
		errs = append(errs, in.Heal(ctx))
	}
	return errors.Join(errs...)
}

// each waits for all faults at once, and goes on when one gives up.
func each(all []Injected, wait func(Injected) (string, error)) (string, error) {
	evidence, errs := make([]string, len(all)), make([]error, len(all))
	var wg sync.WaitGroup
	for i, in := range all {
		wg.Go(func() { evidence[i], errs[i] = wait(in) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return "", err
	}
	return strings.Join(evidence, "; "), nil
}
