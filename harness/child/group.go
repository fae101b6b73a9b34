package child

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// ErrClosed is what Start gives after Close.
var ErrClosed = errors.New("child: group is closed")

// closePatience bounds each of the waits of Close: for the ends of the processes, for the last lines.
const closePatience = 5 * time.Second

// Options configure a Group. The zero value works. The callbacks may be called from several
// goroutines at once and must not call Close.
type Options struct {
	Dir    string       // parent of the group's directory; "" means os.TempDir()
	LogDir string       // where each process's output goes, as <name>.log; "" means nowhere
	Log    *slog.Logger // nil means discard

	OnStart func(name string, pid int, cmd string)            // before the first line of the process
	OnExit  func(name string, pid int, e Exit, expected bool) // before its Done closes
	OnLine  func(name, line string)                           // each line of stdout and stderr; one at a time per process
}

// Group is all processes and the private directory of one lab.
type Group struct {
	o       Options
	dir     string
	fork    *forker
	reap    *reaper
	unwatch func() bool

	mu     sync.Mutex
	procs  map[*Process]struct{} // not ended, or their output not at its end
	ports  []net.Listener        // reservations of FreePort
	closed bool

	once     sync.Once
	closeErr error
}

// NewGroup makes the group's directory and its reaper. The end of ctx closes the group: it is the
// context of the lab, not of the call.
func NewGroup(ctx context.Context, o Options) (*Group, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("child: new group: %w", err)
	}
	if o.LogDir != "" {
		if err := os.MkdirAll(o.LogDir, 0o755); err != nil {
			return nil, fmt.Errorf("child: make the log directory: %w", err)
		}
	}
	dir, err := newName(o.Dir)
	if err != nil {
		return nil, err
	}
	reap, err := startReaper(dir)
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, errors.Join(fmt.Errorf("child: make the lab's directory: %w", err), reap.dismiss())
	}
	g := &Group{o: o, dir: dir, fork: newForker(), reap: reap, procs: map[*Process]struct{}{}}
	g.unwatch = context.AfterFunc(ctx, func() { _ = g.Close() })
	return g, nil
}

// newName gives the absolute path of a directory that does not exist: unguessable, so that it also
// serves as the group's mark.
func newName(parent string) (string, error) {
	if parent == "" {
		parent = os.TempDir()
	}
	parent, err := filepath.Abs(parent)
	if err != nil {
		return "", fmt.Errorf("child: place for the lab's directory: %w", err)
	}
	random := make([]byte, 8)
	_, _ = rand.Read(random) // never fails
	return filepath.Join(parent, "comeback-"+hex.EncodeToString(random)), nil
}

// Dir is the group's private directory (0700). It is removed by Close.
func (g *Group) Dir() string { return g.dir }

// mark is the environment entry that tells a process of this group from all others.
func (g *Group) mark() string { return markName + "=" + g.dir }

// Close kills every process of the group, removes its directory and ends its reaper. It takes some
// tens of milliseconds, bounded at about 15 s. Later calls give the first one's result. On an error
// something may be left, and the reaper goes on trying for a while.
func (g *Group) Close() error {
	g.once.Do(func() { g.closeErr = g.close() })
	return g.closeErr
}

func (g *Group) close() error {
	g.mu.Lock()
	g.closed = true
	procs := make([]*Process, 0, len(g.procs))
	for p := range g.procs {
		procs = append(procs, p)
	}
	ports := g.ports
	g.mu.Unlock()
	g.unwatch()

	for _, p := range procs {
		p.Kill()
	}
	var errs []error
	if left := sweep(g.mark()); len(left) > 0 {
		errs = append(errs, fmt.Errorf("child: processes %v do not end", left))
	}
	if err := awaitEnds(procs); err != nil {
		errs = append(errs, err)
	}
	for _, l := range ports { // nobody listens on them any more
		errs = append(errs, l.Close())
	}
	if err := removeAll(g.dir); err != nil {
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		g.reap.release() // the forking thread stays too: its end is for processes that have ended
		return err
	}
	g.fork.close()
	return g.reap.dismiss()
}

// awaitEnds waits until every process has ended and its last line was passed on.
func awaitEnds(procs []*Process) error {
	limit := time.NewTimer(closePatience)
	defer limit.Stop()
	for _, p := range procs {
		select {
		case <-p.done:
		case <-limit.C:
			return fmt.Errorf("child: %s (pid %d) did not end within %v of SIGKILL", p.Name(), p.pid, closePatience)
		}
		p.out.hangUp()
		select {
		case <-p.out.drained:
		case <-limit.C:
			return fmt.Errorf("child: the lines of %s were not taken within %v: OnLine blocks", p.Name(), closePatience)
		}
	}
	return nil
}

// removeAll tries again for a second: a process that is just dying may still create a file.
func removeAll(dir string) error {
	var err error
	for range 100 {
		if err = os.RemoveAll(dir); err == nil {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("child: remove the lab's directory: %w", err)
}

func (g *Group) forget(p *Process) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.procs, p)
}
