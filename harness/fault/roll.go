package fault

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

var rollKind = Kind{
	Name: "roll", Args: []string{"to"},
	Doc: "replaces the instances of the target, one after the other, by another version",
	Does: `Ends each instance while it holds a delivery (SIGTERM, SIGKILL after its grace period; or SIGKILL at once, at an ack),
starts another entry of comeback.yaml in its place, with the same addresses, and waits until that is ready and has settled a delivery:
with several instances both versions serve side by side. In effect once each was replaced. Healed, each is replaced by the
target itself again; gone once each of them has settled a delivery.`,
	Correct: `Loses nothing, and nothing counts twice: both versions agree on the queues, on what a message means, and on the
idempotency key of a job. While one instance is away, the others serve.`,
	Needs: "an entry of comeback.yaml that shares the target's queues.",
	New:   func() Fault { return &Roll{} },
}

// Roll replaces each instance by another entry of comeback.yaml. Injecting it takes until all are replaced.
type Roll struct {
	To  string `json:"to" doc:"the entry of comeback.yaml that takes the target's place; it shares its queues"`
	How string `json:"how" doc:"'term' (default) or 'kill': how each instance ends"`
	At  string `json:"at" doc:"of kill: 'ack' strikes when it acks, and the broker never gets that ack; default: while it holds a delivery"`
}

// Inject implements Fault.
func (f *Roll) Inject(ctx context.Context, lab Lab) (Injected, error) {
	b := blow{how: cmp.Or(f.How, term), at: f.At}
	if err := b.check(term, kill); err != nil {
		return Injected{}, err
	}
	if f.To == "" {
		return Injected{}, errors.New("to: missing: the entry of comeback.yaml that is to take the target's place")
	}
	release, err := claimProcesses(lab)
	if err != nil {
		return Injected{}, err
	}
	var shown []string
	for n, t := range lab.Targets() {
		shows, err := f.replace(ctx, lab, b, n, t)
		if err != nil {
			defer release()
			return Injected{}, errors.Join(fmt.Errorf("replace %s by %s: %w", t.Name(), f.To, err), f.back(context.WithoutCancel(ctx), lab.Targets()[:n+1]))
		}
		shown = append(shown, shows)
	}
	evidence := strings.Join(shown, "; ")
	return Injected{
		InEffect: func(context.Context) (string, error) { return evidence, nil },
		Heal: func(ctx context.Context) error {
			if err := f.back(ctx, lab.Targets()); err != nil {
				return err
			}
			release()
			return nil
		},
		Gone: func(ctx context.Context) (string, error) {
			for _, t := range lab.Targets() {
				if _, err := settlesAgain(ctx, lab, t); err != nil {
					return "", err
				}
			}
			return "each instance settles deliveries as the version that it was", nil
		},
	}, nil
}

// replace ends one instance, starts the other version in its place, and waits until that one serves.
func (f *Roll) replace(ctx context.Context, lab Lab, b blow, n int, t Target) (string, error) {
	if err := t.Use(f.To); err != nil {
		return "", err
	}
	h := follow(lab, t.Name())
	defer h.close()
	done, err := b.land(ctx, lab, n, t, h)
	if err != nil {
		return "", err
	}
	serves := h.when(settlesOnNew())
	if err := t.Start(ctx); err != nil {
		return "", err
	}
	if err := t.Ready(ctx); err != nil {
		return "", err
	}
	limited, cancel := context.WithTimeout(ctx, momentLimit)
	defer cancel()
	if _, err := serves.await(limited); err != nil {
		return "", fmt.Errorf("waiting until it settles a delivery: %w", err)
	}
	return done + ", and " + f.To + " settles deliveries in its place", nil
}

// settlesOnNew likes a settlement on a connection that was opened since: what the process before had sent
// may still be on its way.
func settlesOnNew() func(e *history.Event, holds int) bool {
	opened := map[uint32]bool{}
	return func(e *history.Event, _ int) bool {
		switch e.Kind {
		case history.ConnOpen:
			opened[e.Conn] = true
		case history.Ack, history.Nack, history.Reject:
			return opened[e.Conn] && e.Flags&(history.Synthetic|history.Swallowed) == 0
		}
		return false
	}
}

// back makes instances the target itself again.
func (f *Roll) back(ctx context.Context, replaced []Target) error {
	var errs []error
	for _, t := range replaced {
		if err := t.Use(""); err != nil {
			errs = append(errs, err)
			continue
		}
		if t.Running() {
			if _, err := t.Terminate(ctx); err != nil {
				errs = append(errs, fmt.Errorf("end what stands in for %s: %w", t.Name(), err))
				continue
			}
		}
		if err := t.Start(ctx); err != nil {
			errs = append(errs, err)
			continue
		}
		errs = append(errs, t.Ready(ctx))
	}
	return errors.Join(errs...)
}

// claimProcesses takes the processes of all instances, or none.
func claimProcesses(lab Lab) (release func(), err error) {
	var names []string
	for _, t := range lab.Targets() {
		names = append(names, processOf(t))
	}
	return claims(lab, names)
}

// processOf is what a fault claims that ends or pauses an instance's process.
func processOf(t Target) string { return "the process of " + t.Name() }
