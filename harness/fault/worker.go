package fault

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/aiworker"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// WorkerRules makes the AI worker misbehave by rules, each for requests, for pings or for its boot. It
// is gone when the worker has said that the rules are out, and has served a request since. Of rules for
// pings and for the boot nothing more is to be seen: there may be no further ping, or boot.
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
		Gone: func(ctx context.Context) (string, error) {
			return served(ctx, lab.Worker(), "the rules are out, and the AI worker served a request")
		},
	}, nil
}

// WorkerDown kills the AI worker and leaves it dead. Healed, it is started again, as somebody would
// do by hand, unless it serves already: a hook of the target's may have restarted it.
type WorkerDown struct{}

// Inject implements Fault. It is in effect once the worker refuses a request of the lab's own and, after
// the kill, a message was delivered to the target, which has no worker for it then.
func (f *WorkerDown) Inject(_ context.Context, lab Lab) (Injected, error) {
	if err := lab.Worker().Kill(); err != nil {
		return Injected{}, err
	}
	target := ofTarget(lab.Target())
	delivered := lab.Watch(func(e *history.Event) bool {
		return e.Kind == history.Deliver && target(lab.Role(e.Conn))
	})
	return Injected{
		InEffect: func(ctx context.Context) (string, error) {
			defer delivered.Close()
			refusal := lab.Worker().Serve(ctx)
			if refusal == nil {
				return "", errors.New("the AI worker still answers")
			}
			if _, err := delivered.Next(ctx); err != nil {
				return "", fmt.Errorf("waiting until the target gets a message that it has no AI worker for: %w", err)
			}
			return fmt.Sprintf("the target got a message while the AI worker does not answer: %v", refusal), nil
		},
		Heal: func(ctx context.Context) error {
			delivered.Close()
			return lab.Worker().Revive(ctx)
		},
		Gone: func(ctx context.Context) (string, error) {
			return served(ctx, lab.Worker(), "the AI worker served a request")
		},
	}, nil
}

// servePeriod is how often the AI worker is asked whether it serves again.
const servePeriod = 50 * time.Millisecond

// served waits until the AI worker answers one request of the lab's own, and gives what that shows.
func served(ctx context.Context, w Worker, shows string) (string, error) {
	tick := time.NewTicker(servePeriod)
	defer tick.Stop()
	for {
		err := w.Serve(ctx)
		if err == nil {
			return shows, nil
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("waiting until the AI worker serves: %w: %w", context.Cause(ctx), err)
		case <-tick.C:
		}
	}
}
