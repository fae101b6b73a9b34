package fault

import (
	"context"
	"fmt"
	"strings"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/wire"
)

var refuseKind = Kind{
	Name: "refuse",
	Doc:  "cuts the connections to the broker and refuses new ones",
	Does: `Resets the connections of an instance, or of each, and then every new one at once. In effect once each instance has
been refused; gone once each has consumed again since the heal.`,
	Correct: `Tries again for as long as it takes, each time after a longer wait, and not at the same moment as the other
instances; is back soon after it is let in.`,
	New: func() Fault { return &Refuse{} },
}

// Refuse cuts the target's connections to the broker and refuses new ones.
type Refuse struct {
	Instance *int `json:"instance" doc:"only this instance of the target, from 0; left out: each"`
}

// Inject implements Fault.
func (f *Refuse) Inject(ctx context.Context, lab Lab) (Injected, error) {
	wires, err := ofInstance(lab.Wires(), f.Instance)
	if err != nil {
		return Injected{}, err
	}
	targets, err := ofInstance(lab.Targets(), f.Instance)
	if err != nil {
		return Injected{}, err
	}
	release, err := claimAll(lab, targets)
	if err != nil {
		return Injected{}, err
	}
	refused := lab.Watch(func(e *history.Event) bool {
		return e.Kind == history.ConnClose && strings.HasPrefix(e.Text, wire.Refused.String())
	})
	for _, w := range wires {
		w.Refuse(wire.Refuse)
	}
	cuts := arm(wires, wire.Rule{Name: "refuse", Owner: idOf(ctx), Match: wire.Match{Method: wire.Now}, Action: wire.Cut{}})
	var back Watch
	return Injected{
		InEffect: func(ctx context.Context) (string, error) {
			defer refused.Close()
			return eachSeen(ctx, lab, targets, refused, "was refused")
		},
		Heal: func(context.Context) error {
			refused.Close()
			disarm(cuts)
			back = lab.Watch(func(e *history.Event) bool { return e.Kind == history.Consume })
			for _, w := range wires {
				w.Refuse(wire.Accept)
			}
			release()
			return nil
		},
		Gone: func(ctx context.Context) (string, error) {
			defer back.Close()
			return eachSeen(ctx, lab, targets, back, "consumes again")
		},
	}, nil
}

// eachSeen waits until the watch has given an event of a connection of each target, and tells what that shows.
func eachSeen(ctx context.Context, lab Lab, targets []Target, w Watch, what string) (string, error) {
	missing := map[string]bool{}
	for _, t := range targets {
		missing[t.Name()] = true
	}
	all := len(missing)
	for len(missing) > 0 {
		e, err := w.Next(ctx)
		if err != nil {
			return "", fmt.Errorf("waiting until each instance %s: %d of %d have not: %w", what, len(missing), all, err)
		}
		delete(missing, lab.Role(e.Conn))
	}
	if all == 1 {
		return targets[0].Name() + " " + what, nil
	}
	return fmt.Sprintf("each of %d instances %s", all, what), nil
}

// claimAll takes the way to the broker of each target for one fault.
func claimAll(lab Lab, targets []Target) (release func(), err error) {
	var names []string
	for _, t := range targets {
		names = append(names, "whether "+t.Name()+" may connect")
	}
	return claims(lab, names)
}

// claims takes several things for one fault, all or none.
func claims(lab Lab, names []string) (release func(), err error) {
	var all []func()
	release = func() {
		for _, r := range all {
			r()
		}
	}
	for _, name := range names {
		r, err := lab.Claim(name)
		if err != nil {
			release()
			return nil, err
		}
		all = append(all, r)
	}
	return release, nil
}
