package fault

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

var diskFullKind = Kind{
	Name: "diskFull",
	Doc:  "lets no file of the target grow any more",
	Does: `Sets the process's limit for the size of a file to 0 (RLIMIT_FSIZE): each write to a file fails, with EFBIG in the place
of a full disk's ENOSPC; a program that does not ignore SIGXFSZ, as Go, Java and Python do, dies of it. Pipes and connections
work. In effect once the target has named its folder ({state}) in its log or in an alert, gone once it has written there again.`,
	Correct: "Says so once, does its jobs all the same, and makes up for it when there is room again.",
	Needs:   "Linux, and a target that keeps something in {state}.",
	New:     func() Fault { return &DiskFull{} },
}

// DiskFull lets no file of an instance's process grow any more. A process that is started while it is on
// is not touched.
type DiskFull struct {
	Instance int `json:"instance" doc:"which of the target's, from 0"`
}

// filePeriod is how often a folder is looked at for what was written.
const filePeriod = 20 * time.Millisecond

// Inject implements Fault.
func (f *DiskFull) Inject(_ context.Context, lab Lab) (Injected, error) {
	target, err := instance(lab, f.Instance)
	if err != nil {
		return Injected{}, err
	}
	release, err := lab.Claim("the disk of " + target.Name())
	if err != nil {
		return Injected{}, err
	}
	within := regexp.MustCompile(regexp.QuoteMeta(target.State()) + `($|[^\w.-])`) // the folder or what is in it, and no longer name
	told := lab.Watch(func(e *history.Event) bool {
		says := e.Kind == history.Alert || e.Kind == history.Log && e.Who == target.Name()
		return says && within.MatchString(e.Text)
	})
	room, err := target.Fill()
	if err != nil {
		told.Close()
		release()
		return Injected{}, err
	}
	var full map[string]int64
	return Injected{
		InEffect: func(ctx context.Context) (string, error) {
			defer told.Close()
			e, err := told.Next(ctx)
			if err != nil {
				return "", fmt.Errorf("waiting until the target names %s in its log or in an alert: %w", target.State(), err)
			}
			return fmt.Sprintf("%s %s: %s", e.Kind, e.Who, e.Text), nil
		},
		Heal: func(context.Context) error {
			told.Close()
			var err error
			full, err = sizes(target.State())
			if err := errors.Join(room(), err); err != nil {
				return err
			}
			release()
			return nil
		},
		Gone: func(ctx context.Context) (string, error) {
			err := every(ctx, filePeriod, func() error {
				now, err := sizes(target.State())
				if err != nil {
					return err
				}
				for path, size := range now {
					if size > full[path] {
						return nil
					}
				}
				return fmt.Errorf("no file in %s has grown since", target.State())
			})
			if err != nil {
				return "", err
			}
			return "the target wrote to its folder again", nil
		},
	}, nil
}

// sizes are those of the files in a folder.
func sizes(dir string) (map[string]int64, error) {
	all := map[string]int64{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // gone while we look
		}
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err == nil {
			all[path] = info.Size()
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look into the target's folder %s: %w", dir, err)
	}
	return all, nil
}
