package fault

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

var meminfoKind = Kind{
	Name: "meminfo", Args: []string{"how"},
	Doc: "takes the account of the host's memory away from the target",
	Does: `Removes the file where the target reads it (HOST_PROC), puts a folder in its place, or fills it with what is no account.
In effect once the target has named the file in its log or in an alert, gone once it has read it again.`,
	Correct: `Does not take it for a host without memory: it leaves the AI worker alone, says so once, and does its jobs without
the check.`,
	Needs: "A target that reads its host's memory from {hostproc}.",
	New:   func() Fault { return &Meminfo{} },
}

// Meminfo takes the account of the host's memory away. Healed, the host has the memory that it had.
type Meminfo struct {
	How string `json:"how" doc:"'missing' (there is no such file), 'unreadable' (a folder is in its place) or 'garbled' (it says something else)"`
}

// Inject implements Fault. A file that cannot be read leaves no trace of its own when it is tried: the
// fault is in effect once the target has said so, by naming the file in its log or in an alert.
func (f *Meminfo) Inject(_ context.Context, lab Lab) (Injected, error) {
	path := filepath.Join(lab.Host().Dir, "meminfo")
	spoil, err := f.way(path)
	if err != nil {
		return Injected{}, err
	}
	release, err := lab.Claim("the host's swap")
	if err != nil {
		return Injected{}, err
	}
	before := lab.Host().State()
	mend := func() error {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("put the host's memory back: %w", err)
		}
		return lab.Host().Set(before)
	}
	told := lab.Watch(names(path, ofTarget(lab)))
	err = os.Remove(path)
	if err == nil {
		err = spoil()
	}
	if err != nil {
		told.Close()
		err = errors.Join(fmt.Errorf("take the host's memory away: %w", err), mend())
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
		Gone: func(ctx context.Context) (string, error) {
			read := lab.Watch(hostRead(before.Name))
			defer read.Close()
			return firstSeen(ctx, read, "the target read its host's memory")
		},
	}, nil
}

// way gives what is put in the place of the file at path.
func (f *Meminfo) way(path string) (func() error, error) {
	switch f.How {
	case "missing":
		return func() error { return nil }, nil
	case "unreadable":
		return func() error { return os.Mkdir(path, 0o755) }, nil
	case "garbled":
		return func() error { return os.WriteFile(path, []byte("no account of anything\n"), 0o600) }, nil
	}
	return nil, fmt.Errorf("how: %q, want \"missing\", \"unreadable\" or \"garbled\"", f.How)
}
