package fault

import (
	"context"
	"errors"
	"fmt"

	"github.com/comeback-chaos/xk6-comeback/fakes/hostmem"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

var swapKind = Kind{
	Name: "swap", Args: []string{"state"},
	Doc: "sets the swap of the target's host",
	Does: `Writes another meminfo where the target reads its host's (HOST_PROC). In effect once the target has read that state,
gone once it has read the one from before.`,
	Correct: `Takes unset (total and free both 0) for not set up yet and waits, and leaves the AI worker alone; restarts it when
the swap is low, and alerts.`,
	Needs: "A target that reads its host's memory from {hostproc}.",
	New:   func() Fault { return &Swap{} },
}

// Swap sets the swap of the target's host: "unset" (not set up yet: total and free are 0), "low"
// (nearly all of it is used) or "ok". Healed, the host has the memory that it had before.
type Swap struct {
	State string `json:"state" doc:"'unset' (not set up yet), 'low' (nearly all of it is used) or 'ok'"`
}

// Inject implements Fault. It is in effect once the target has read that state.
func (f *Swap) Inject(_ context.Context, lab Lab) (Injected, error) {
	state, err := hostmem.Named(f.State)
	if err != nil {
		return Injected{}, err
	}
	release, err := lab.Claim("the host's swap")
	if err != nil {
		return Injected{}, err
	}
	before := lab.Host().State()
	if before.Name == state.Name {
		release()
		return Injected{}, fmt.Errorf("state: the host's swap is %q already", state.Name)
	}
	read := lab.Watch(hostRead(state.Name))
	if err := lab.Host().Set(state); err != nil {
		read.Close()
		err = errors.Join(err, lab.Host().Set(before))
		release()
		return Injected{}, err
	}
	return Injected{
		InEffect: func(ctx context.Context) (string, error) {
			defer read.Close()
			return firstSeen(ctx, read, fmt.Sprintf("the target read swap %q", state.Name))
		},
		Heal: func(context.Context) error {
			read.Close()
			if err := lab.Host().Set(before); err != nil {
				return err
			}
			release()
			return nil
		},
		Gone: func(ctx context.Context) (string, error) {
			after := lab.Watch(hostRead(before.Name))
			defer after.Close()
			return firstSeen(ctx, after, fmt.Sprintf("the target read swap %q", before.Name))
		},
	}, nil
}

func hostRead(state string) func(*history.Event) bool {
	return func(e *history.Event) bool { return e.Kind == history.HostRead && e.Who == state }
}

// firstSeen waits for a watch's next event and gives what it shows.
func firstSeen(ctx context.Context, w Watch, shows string) (string, error) {
	if _, err := w.Next(ctx); err != nil {
		return "", fmt.Errorf("waiting until %s: %w", shows, err)
	}
	return shows, nil
}
