package fault

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"

	"github.com/comeback-chaos/xk6-comeback/fakes/hooks"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

var hookKind = Kind{
	Name: "hook", Args: []string{"hook", "steps"},
	Doc: "sets what the target's restart or terminate executable does",
	Does: `Gives the executable a list of steps, one for each call; the last repeats. In effect once the target has called it,
gone once it is put right and no call that began under the fault runs any more.`,
	Correct: `Takes every exit code that it does not know, a hang and a death by signal for a failure, with its code and stderr;
tries again within limits, then escalates.`,
	Needs: "A target that runs {restart} and {terminate}.",
	New:   func() Fault { return &Hook{} },
}

// Hook sets what one of the target's executables does: a list, one step a call, the last repeats.
// Healed, it does what it should again: restart restarts the AI worker, terminate answers 0. It is put
// right for the calls to come, and the calls that hang or wait end at once. It is gone when, besides,
// no call that began under the fault runs any more: an executable does nothing between its calls, so
// that there is nothing to be seen until the target calls it again, which it may never do.
type Hook struct {
	Hook  string       `json:"hook" doc:"'restart' or 'terminate'"`
	Steps []hooks.Step `json:"steps" doc:"at least one, one for each call: {code, delay, stderr, hang, signal, restart, kill}"`
}

// Inject implements Fault. It is in effect once the hook was called.
func (f *Hook) Inject(_ context.Context, lab Lab) (Injected, error) {
	if len(f.Steps) == 0 {
		return Injected{}, errors.New("steps: none: it wants at least one, such as {code: 137}")
	}
	release, err := lab.Claim("the steps of the " + f.Hook + " hook")
	if err != nil {
		return Injected{}, err
	}
	plan, err := lab.Hooks().Plan(f.Hook, f.Steps...)
	if err != nil {
		release()
		return Injected{}, err
	}
	return Injected{
		InEffect: func(ctx context.Context) (string, error) {
			if err := closed(ctx, plan.Taken()); err != nil {
				return "", fmt.Errorf("waiting until the target calls the %s hook: %w", f.Hook, err)
			}
			return "the target called the " + f.Hook + " hook", nil
		},
		Heal: func(context.Context) error {
			if _, err := lab.Hooks().Plan(f.Hook); err != nil {
				return err
			}
			release()
			return nil
		},
		Gone: func(ctx context.Context) (string, error) {
			if err := closed(ctx, plan.Over()); err != nil {
				return "", fmt.Errorf("waiting until no call of the %s hook that began under the fault runs: %w", f.Hook, err)
			}
			return "the " + f.Hook + " hook is put right, and no call that began under the fault is running", nil
		},
	}, nil
}

// closed waits until ch is. What has happened counts, also when ctx is done.
func closed(ctx context.Context, ch <-chan struct{}) error {
	select {
	case <-ch:
		return nil
	case <-ctx.Done():
	}
	select {
	case <-ch:
		return nil
	default:
		return context.Cause(ctx)
	}
}

var hookFileKind = Kind{
	Name: "hookFile", Args: []string{"hook", "how"},
	Doc: "takes the target's restart or terminate executable away",
	Does: `Removes the file, or its x bits. In effect once the target has named the file in its log or in an alert, gone once it
can be run again.`,
	Correct: "Takes it for a failure of the executable, and says which file it was.",
	Needs:   "A target that runs {restart} and {terminate}.",
	New:     func() Fault { return &HookFile{} },
}

// HookFile takes a hook's executable away: "missing" removes it, "not-executable" takes its x bits. As
// with Hook, it is gone when it can be run again.
type HookFile struct {
	Hook string `json:"hook" doc:"'restart' or 'terminate'"`
	How  string `json:"how" doc:"'missing' or 'not-executable'"`
}

// Inject implements Fault. A file that cannot be run leaves no trace of its own when it is tried: the
// fault is in effect once the target has said so, by naming the file in its log or in an alert.
func (f *HookFile) Inject(_ context.Context, lab Lab) (Injected, error) {
	path := lab.HookPath(f.Hook)
	if path == "" {
		return Injected{}, fmt.Errorf("hook: %q, want %q or %q", f.Hook, hooks.Restart, hooks.Terminate)
	}
	spoil, mend, err := f.ways(path)
	if err != nil {
		return Injected{}, err
	}
	release, err := lab.Claim("the executable of the " + f.Hook + " hook")
	if err != nil {
		return Injected{}, err
	}
	told := lab.Watch(names(path, ofTarget(lab)))
	if err := spoil(); err != nil {
		told.Close()
		release()
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
		Heal: func(context.Context) error {
			told.Close()
			if err := mend(); err != nil {
				return err
			}
			release()
			return nil
		},
		Gone: func(context.Context) (string, error) {
			info, err := os.Stat(path)
			if err != nil || info.Mode().Perm()&0o100 == 0 {
				return "", fmt.Errorf("%s hook is still %s", f.Hook, f.How)
			}
			return "the " + f.Hook + " hook can be run", nil
		},
	}, nil
}

// ways gives how the file at path is spoilt, and mended again.
func (f *HookFile) ways(path string) (spoil, mend func() error, err error) {
	hidden := path + ".hidden"
	switch f.How {
	case "missing":
		return func() error { return os.Rename(path, hidden) }, func() error { return os.Rename(hidden, path) }, nil
	case "not-executable":
		return func() error { return os.Chmod(path, 0o600) }, func() error { return os.Chmod(path, 0o700) }, nil
	}
	return nil, nil, fmt.Errorf("how: %q, want \"missing\" or \"not-executable\"", f.How)
}

// names tells of alerts and of the target's log lines that name a file. A longer path that begins or
// ends with it is another file.
func names(path string, target func(string) bool) func(*history.Event) bool {
	word := regexp.MustCompile(`(^|[^\w.-])` + regexp.QuoteMeta(path) + `($|[^\w./-]|\.(\W|$))`)
	return func(e *history.Event) bool {
		return (e.Kind == history.Alert || e.Kind == history.Log && target(e.Who)) && word.MatchString(e.Text)
	}
}
