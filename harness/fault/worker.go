package fault

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/aiworker"
)

// WorkerRules makes the AI worker misbehave by rules, each for requests or for its boot.
type WorkerRules struct {
	Rules []aiworker.Rule `json:"rules"`
}

// Inject implements Fault. It is in effect once a rule has acted.
func (f *WorkerRules) Inject(ctx context.Context, lab Lab) (Injected, error) {
	if len(f.Rules) == 0 {
		return Injected{}, errors.New("rules: none: it wants at least one, such as {on: \"request\", do: \"fail\"}")
	}
	var armed []*aiworker.Armed
	disarm := func(ctx context.Context) error {
		var errs []error
		for _, a := range armed {
			errs = append(errs, a.Remove(ctx))
		}
		return errors.Join(errs...)
	}
	for _, r := range f.Rules {
		a, err := lab.Worker().Remote().Add(ctx, r)
		if err != nil {
			return Injected{}, errors.Join(err, disarm(ctx))
		}
		armed = append(armed, a)
	}
	return Injected{
		InEffect: func(ctx context.Context) (string, error) {
			if err := anyHit(ctx, armed); err != nil {
				return "", fmt.Errorf("waiting until a rule of the AI worker acts: %w", err)
			}
			return "a rule of the AI worker has acted", nil
		},
		Heal: disarm,
		Gone: func(ctx context.Context) (string, error) { return served(ctx, lab.Worker(), f.prompt()) },
	}, nil
}

// prompt is one that the rules would act on.
func (f *WorkerRules) prompt() string {
	for _, r := range f.Rules {
		if r.Match != "" {
			return r.Match
		}
	}
	return "is it over?"
}

// WorkerDown kills the AI worker and leaves it dead. Healed, it is started again, as somebody would
// do by hand.
type WorkerDown struct{}

// Inject implements Fault. It is in effect once a request to the worker fails, as the lab's own does.
func (f *WorkerDown) Inject(_ context.Context, lab Lab) (Injected, error) {
	if err := lab.Worker().Kill(); err != nil {
		return Injected{}, err
	}
	return Injected{
		InEffect: func(ctx context.Context) (string, error) {
			if err := lab.Worker().Serve(ctx, "are you there?"); err != nil {
				return "the AI worker does not answer: " + err.Error(), nil
			}
			return "", errors.New("the AI worker still answers")
		},
		Heal: lab.Worker().Start,
		Gone: func(ctx context.Context) (string, error) { return served(ctx, lab.Worker(), "are you back?") },
	}, nil
}

// servePeriod is how often the AI worker is asked whether it serves again.
const servePeriod = 50 * time.Millisecond

// served waits until the AI worker answers one request of the lab's own.
func served(ctx context.Context, w Worker, prompt string) (string, error) {
	tick := time.NewTicker(servePeriod)
	defer tick.Stop()
	for {
		err := w.Serve(ctx, prompt)
		if err == nil {
			return "the AI worker served a request", nil
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("waiting until the AI worker serves: %w: %w", context.Cause(ctx), err)
		case <-tick.C:
		}
	}
}
