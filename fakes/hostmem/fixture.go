package hostmem

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// ErrCannotTell says that the fixture works but nobody will be told who reads it.
var ErrCannotTell = errors.New("cannot tell when the host memory fixture is read")

// Fixture is a directory to be given to a target as HOST_PROC. Set OnRead before the first Set.
type Fixture struct {
	Dir    string      // made when missing
	OnRead func(State) // a process has read the fixture and saw this state; one call at a time. Nil: not told

	mu    sync.Mutex
	state State
	watch *watch
	blind error // why there is no watch
}

// New returns a fixture in dir; nothing is written before the first Set.
func New(dir string) *Fixture { return &Fixture{Dir: dir} }

// Set makes the fixture say s. A process that reads it meanwhile sees the old state or the new one,
// whole. The error wraps ErrCannotTell when s is in place but reads of it cannot be seen.
func (f *Fixture) Set(s State) error {
	if err := s.Check(); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := os.MkdirAll(f.Dir, 0o755); err != nil {
		return fmt.Errorf("set host memory to %q: %w", s.Name, err)
	}
	tmp := filepath.Join(f.Dir, ".meminfo.next")
	if err := os.WriteFile(tmp, []byte(s.meminfo()), 0o644); err != nil {
		return fmt.Errorf("set host memory to %q: %w", s.Name, err)
	}
	blind := f.follow(tmp, s)
	if err := os.Rename(tmp, filepath.Join(f.Dir, "meminfo")); err != nil {
		return fmt.Errorf("set host memory to %q: %w", s.Name, err)
	}
	f.state = s
	if blind != nil {
		return fmt.Errorf("%w (state %q is in place): %w", ErrCannotTell, s.Name, blind)
	}
	return nil
}

// State is what the fixture says now.
func (f *Fixture) State() State {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state
}

// Close ends the watch; OnRead is not called again once it returned, and must not call it. The
// directory stays.
func (f *Fixture) Close() error {
	f.mu.Lock()
	w := f.watch
	f.watch = nil
	f.mu.Unlock()
	if w == nil {
		return nil
	}
	return w.close() // without the lock: it waits for an OnRead that may be calling us
}

// follow watches the file that is about to become the fixture. A watch follows the file itself, not
// its name, so a reader that opened it before the next Set is still known to have read this state.
func (f *Fixture) follow(path string, s State) error {
	if f.OnRead == nil || f.blind != nil {
		return f.blind
	}
	if f.watch == nil {
		w, err := newWatch(f.OnRead)
		if err != nil {
			f.blind = err
			return err
		}
		f.watch = w
	}
	return f.watch.add(path, s)
}
