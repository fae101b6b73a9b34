package broker

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/child"
)

const (
	startTries = 5 // with other ports each time
	stopGrace  = 15 * time.Second
	killLimit  = 5 * time.Second
)

// ErrRunning is what Start gives when the node runs already.
var ErrRunning = errors.New("broker: the node runs already")

// ErrStopped is what needs a running node gives when it was stopped or has ended.
var ErrStopped = errors.New("broker: the node does not run")

// LocalOptions configure a Local. The zero value works.
type LocalOptions struct {
	Name  string       // of the process; "" means "broker"
	Home  string       // RabbitMQ's directory; "" means where distributions put it
	Terms string       // further settings of RabbitMQ as Erlang terms: "{consumer_timeout,3000}"
	Log   *slog.Logger // nil means discard

	freePort func() (int, error) // nil means that of the group
}

// Local is a private RabbitMQ node: loopback only, its data in the group's directory, gone with it.
// Its address stays the same over restarts.
type Local struct {
	g    *child.Group
	log  *slog.Logger
	node node

	launching func() // runs when the ports were free, before the node starts; nil: nothing

	mu    sync.Mutex
	proc  *child.Process
	shell *shell
	tail  *tail
}

// StartLocal starts a node and waits until it is ready, about 2 s. ErrNotInstalled when there is no
// RabbitMQ on this machine.
func StartLocal(ctx context.Context, g *child.Group, o LocalOptions) (*Local, error) {
	if o.Name == "" {
		o.Name = "broker"
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.freePort == nil {
		o.freePort = g.FreePort
	}
	in, err := findInstall(o.Home)
	if err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		l, err := firstStart(ctx, g, in, o)
		if !errors.Is(err, errPortTaken) || try == startTries {
			return l, err
		}
		o.Log.Info("broker: a port was taken in between, trying others", "try", try)
	}
}

// firstStart gives errPortTaken when somebody took a port between the look for it and its use.
func firstStart(ctx context.Context, g *child.Group, in install, o LocalOptions) (*Local, error) {
	dir, err := os.MkdirTemp(g.Dir(), "broker-")
	if err != nil {
		return nil, fmt.Errorf("broker: make the node's directory: %w", err)
	}
	n := node{in: in, name: o.Name, id: strings.ToLower(rand.Text()[:12]), dir: filepath.Join(dir, "n"), terms: o.Terms}
	if n.port, err = o.freePort(); err != nil {
		return nil, err
	}
	if n.dist, err = o.freePort(); err != nil {
		return nil, err
	}
	if err := n.prepare(); err != nil {
		return nil, err
	}
	l := &Local{g: g, log: o.Log, node: n}
	if err := l.Start(ctx); err != nil {
		return nil, err
	}
	return l, nil
}

// URL implements Broker.
func (l *Local) URL(vhost string) string {
	return withVhost(fmt.Sprintf("amqp://guest:guest@%s/", l.Addr()), vhost)
}

// Addr implements Broker.
func (l *Local) Addr() string { return fmt.Sprintf("127.0.0.1:%d", l.node.port) }

// PID is that of the node's process, 0 when it does not run.
func (l *Local) PID() int {
	p, _, _ := l.running()
	if p == nil {
		return 0
	}
	return p.PID()
}

// running gives nils when the node does not run.
func (l *Local) running() (*child.Process, *shell, *tail) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.proc == nil {
		return nil, nil, nil
	}
	select {
	case <-l.proc.Done():
		return nil, nil, nil
	default:
		return l.proc, l.shell, l.tail
	}
}

// Start starts the node, again with the data it had, and waits until it is ready. It ends the node
// when that does not come about. ErrRunning when it runs.
func (l *Local) Start(ctx context.Context) error {
	if err := l.launch(); err != nil {
		return err
	}
	if err := l.Ready(ctx); err != nil {
		return errors.Join(err, l.Kill())
	}
	return nil
}

func (l *Local) launch() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.proc != nil {
		select {
		case <-l.proc.Done():
		default:
			return ErrRunning
		}
	}
	for _, port := range []int{l.node.port, l.node.dist} {
		if err := checkPort(port); err != nil {
			return err
		}
	}
	if l.launching != nil {
		l.launching()
	}
	sh, t := newShell(), newTail()
	spec := l.node.spec()
	spec.Edit = func(line string) (string, bool) {
		line, keep := sh.edit(line)
		if keep {
			t.add(line)
		}
		return line, keep
	}
	p, err := l.g.Start(spec)
	if err != nil {
		return fmt.Errorf("broker: start the node: %w", err)
	}
	sh.connect(p.Stdin(), p.Done())
	l.proc, l.shell, l.tail = p, sh, t
	return nil
}

// Stop ends the node in order (SIGTERM), about 1 s. Its durable data stays for Start. A node that
// does not run is no error.
func (l *Local) Stop(ctx context.Context) error {
	p, _, _ := l.running()
	if p == nil {
		return nil
	}
	e, err := p.Stop(ctx, stopGrace)
	if err != nil {
		return fmt.Errorf("broker: stop the node: %w", err)
	}
	if e.Signal != 0 {
		return fmt.Errorf("broker: the node did not stop within %v of SIGTERM: %v", stopGrace, e)
	}
	return nil
}

// Kill ends the node with SIGKILL, as a crash would, and waits for its end, about 30 ms. A node that
// does not run is no error.
func (l *Local) Kill() error {
	p, _, _ := l.running()
	if p == nil {
		return nil
	}
	p.Kill()
	select {
	case <-p.Done():
		return nil
	case <-time.After(killLimit):
		return fmt.Errorf("broker: the node (pid %d) did not end within %v of SIGKILL", p.PID(), killLimit)
	}
}

// Pause freezes the node (SIGSTOP): connections stay, nothing answers.
func (l *Local) Pause() error {
	p, _, _ := l.running()
	if p == nil {
		return ErrStopped
	}
	return p.Pause()
}

// Resume lets a paused node go on.
func (l *Local) Resume() error {
	p, _, _ := l.running()
	if p == nil {
		return ErrStopped
	}
	return p.Signal(syscall.SIGCONT)
}

// Eval computes an Erlang expression (or several, "a, b") inside the node, about 1 ms, and gives the
// last one's value as Erlang prints it. Bounded by ctx and by 20 s.
func (l *Local) Eval(ctx context.Context, expr string) (string, error) {
	_, sh, _ := l.running()
	if sh == nil {
		return "", ErrStopped
	}
	return sh.eval(ctx, expr)
}

// Close implements Broker: it kills the node. Its directory goes with the group.
func (l *Local) Close(context.Context) error {
	return l.Kill()
}
