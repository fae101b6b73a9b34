package fault

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"

	"github.com/comeback-chaos/xk6-comeback/fakes/hooks"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// Hook sets what one of the target's executables does: a list, one step a call, the last repeats.
// Healed, it does what it should again: restart restarts the AI worker, terminate answers 0.
type Hook struct {
	Hook  string       `json:"hook"`  // "restart" or "terminate"
	Steps []hooks.Step `json:"steps"` // at least one
}

// Inject implements Fault. It is in effect once the hook was called.
func (f *Hook) Inject(_ context.Context, lab Lab) (Injected, error) {
	if len(f.Steps) == 0 {
		return Injected{}, errors.New("steps: none: it wants at least one, such as {code: 137}")
	}
	called := lab.Watch(func(e *history.Event) bool { return e.Kind == history.HookCall && e.Who == f.Hook })
	if err := lab.Hooks().Plan(f.Hook, f.Steps...); err != nil {
		called.Close()
		return Injected{}, err
	}
	var running atomic.Int64
	ends := lab.Watch(func(e *history.Event) bool {
		switch {
		case e.Who != f.Hook:
		case e.Kind == history.HookCall:
			running.Add(1)
		case e.Kind == history.HookExit:
			running.Add(-1)
			return true
		}
		return false
	})
	return Injected{
		InEffect: func(ctx context.Context) (string, error) {
			defer called.Close()
			return firstSeen(ctx, called, "the target called the "+f.Hook+" hook")
		},
		Heal: func(context.Context) error { return lab.Hooks().Plan(f.Hook) },
		Gone: func(ctx context.Context) (string, error) {
			defer ends.Close()
			for running.Load() > 0 {
				if _, err := ends.Next(ctx); err != nil {
					return "", fmt.Errorf("waiting until no call of the %s hook runs: %w", f.Hook, err)
				}
			}
			return "no call of the " + f.Hook + " hook that began under the fault is running", nil
		},
	}, nil
}

// HookFile takes a hook's executable away: "missing" removes it, "not-executable" takes its x bits.
type HookFile struct {
	Hook string `json:"hook"` // "restart" or "terminate"
	How  string `json:"how"`  // "missing" or "not-executable"
}

// Inject implements Fault. A file that cannot be run leaves no trace of its own when it is tried: the
// fault is in effect once the target has said so, by naming the file in its log or in an alert.
func (f *HookFile) Inject(_ context.Context, lab Lab) (Injected, error) {
	path := lab.HookPath(f.Hook)
	if path == "" {
		return Injected{}, fmt.Errorf("hook: %q, want %q or %q", f.Hook, hooks.Restart, hooks.Terminate)
	}
	hidden := path + ".hidden"
	var spoil, mend func() error
	switch f.How {
	case "missing":
		spoil = func() error { return os.Rename(path, hidden) }
		mend = func() error { return os.Rename(hidden, path) }
	case "not-executable":
		spoil = func() error { return os.Chmod(path, 0o600) }
		mend = func() error { return os.Chmod(path, 0o700) }
	default:
		return Injected{}, fmt.Errorf("how: %q, want \"missing\" or \"not-executable\"", f.How)
	}
	told := lab.Watch(func(e *history.Event) bool {
		return (e.Kind == history.Log || e.Kind == history.Alert) && strings.Contains(e.Text, path)
	})
	if err := spoil(); err != nil {
		told.Close()
		return Injected{}, err
	}
	return Injected{
		InEffect: func(ctx context.Context) (string, error) {
			defer told.Close()
			e, err := told.Next(ctx)
			if err != nil {
				return "", fmt.Errorf("waiting until the target names %s in its log or in an alert: %w", path, err)
			}
			return fmt.Sprintf("%s %s: %s", e.Kind, e.Who, e.Text), nil
		},
		Heal: func(context.Context) error { return mend() },
		Gone: func(context.Context) (string, error) {
			info, err := os.Stat(path)
			if err != nil || info.Mode().Perm()&0o100 == 0 {
				return "", fmt.Errorf("%s hook is still %s", f.Hook, f.How)
			}
			return "the " + f.Hook + " hook can be run", nil
		},
	}, nil
}
