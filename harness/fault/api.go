package fault

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/comeback-chaos/xk6-comeback/fakes/apisink"
	"github.com/comeback-chaos/xk6-comeback/fakes/script"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

var apiKind = Kind{
	Name: "api", Args: []string{"rules"},
	Doc: "makes the API server misbehave that takes the target's results",
	Does: `Gives the API server rules for the reports: it is slow, hangs, answers errors or cuts the connection, with or without
having accepted the report before, resets connections, or is down. In effect once each rule has acted; down, once it refuses
a connection of the lab's own and the target was given a message that it cannot report. Gone once a report has passed
untouched.`,
	Correct: `Acks no job that was not accepted, reports again under the same Idempotency-Key whatever is not certain to have
arrived, holds an outage of the API server against no job, and goes on by itself once it is back.`,
	New: func() Fault { return &API{} },
}

// API makes the API server misbehave by rules; of those that match a report, the first whose turn it is
// acts.
type API struct {
	Rules []apisink.Rule `json:"rules" doc:"at least one: {do, job, status, delay, nth, times}; index.d.ts tells their values"`
}

// Inject implements Fault. It is in effect once each rule has acted. A server that is down cannot tell
// of those that it refuses: see missed.
func (f *API) Inject(_ context.Context, lab Lab) (Injected, error) {
	down, err := f.check()
	if err != nil {
		return Injected{}, err
	}
	release := func() {}
	if down {
		if release, err = lab.Claim("whether the API server is up"); err != nil {
			return Injected{}, err
		}
	}
	sink := lab.API()
	target := ofTarget(lab)
	given := lab.Watch(func(e *history.Event) bool {
		return down && e.Kind == history.Deliver && target(lab.Role(e.Conn))
	})
	rules, err := addAll(f.Rules, sink.Add)
	if err != nil {
		given.Close()
		release()
		return Injected{}, err
	}
	return Injected{
		InEffect: func(ctx context.Context) (string, error) {
			defer given.Close()
			if down {
				return missed(ctx, sink, given)
			}
			return acted(ctx, "API server", rules)
		},
		Spent: spentRules("API server", rules, func(n int) int { return f.Rules[n].Times }),
		Heal: func(context.Context) error {
			given.Close()
			if err := removeAll(rules); err != nil {
				return err
			}
			release()
			return nil
		},
		Gone: func(ctx context.Context) (string, error) {
			// It stands behind all others: what it hits was touched by none.
			passing, err := sink.Add(apisink.Rule{Do: apisink.Pass, Turn: script.Turn{Times: 1}})
			if err != nil {
				return "", err
			}
			err = closed(ctx, passing.Hit())
			if err = errors.Join(err, passing.Remove()); err != nil {
				return "", fmt.Errorf("waiting for a report that passes: %w", err)
			}
			return "a report passed untouched", nil
		},
	}, nil
}

// check tells whether the server is to be down, which leaves other rules nothing to do.
func (f *API) check() (down bool, err error) {
	if len(f.Rules) == 0 {
		return false, errors.New("rules: none: it wants at least one, such as {do: \"fail\"}")
	}
	for _, r := range f.Rules {
		down = down || r.Do == apisink.Down
		if r.Do == apisink.Pass {
			return false, errors.New("rules: pass does nothing that could be seen")
		}
	}
	if down && len(f.Rules) > 1 {
		return false, errors.New("rules: down leaves the others nothing to do: make it a fault of its own")
	}
	return down, nil
}

// missed waits until a connection of the lab's own is refused and the target was given a message since.
func missed(ctx context.Context, sink *apisink.Sink, given Watch) (string, error) {
	var d net.Dialer
	conn, refusal := d.DialContext(ctx, "tcp", strings.TrimPrefix(sink.URL(), "http://"))
	if refusal == nil {
		return "", errors.Join(errors.New("the API server still listens"), conn.Close())
	}
	if ctx.Err() != nil {
		return "", fmt.Errorf("asking whether the API server is down: %w", context.Cause(ctx))
	}
	if _, err := given.Next(ctx); err != nil {
		return "", fmt.Errorf("waiting until the target is given a message while the API server is down: %w", err)
	}
	return fmt.Sprintf("the target was given a message while the API server does not answer: %v", refusal), nil
}

// armed is a rule in force in one of the lab's own servers.
type armed interface {
	Hit() <-chan struct{}
	Hits() int
	Remove() error
}

// addAll puts every rule in force, or none.
func addAll[R any, A armed](rules []R, add func(R) (A, error)) ([]armed, error) {
	var all []armed
	for _, r := range rules {
		a, err := add(r)
		if err != nil {
			return nil, errors.Join(err, removeAll(all))
		}
		all = append(all, a)
	}
	return all, nil
}

func removeAll(all []armed) error {
	var errs []error
	for _, a := range all {
		errs = append(errs, a.Remove())
	}
	return errors.Join(errs...)
}

// acted waits until each of the rules has acted.
func acted[R interface{ Hit() <-chan struct{} }](ctx context.Context, whose string, all []R) (string, error) {
	for i, a := range all {
		if err := closed(ctx, a.Hit()); err != nil {
			return "", fmt.Errorf("waiting until rule %d of the %s acts: %w", i, whose, err)
		}
	}
	return fmt.Sprintf("every rule of the %s has acted", whose), nil
}
