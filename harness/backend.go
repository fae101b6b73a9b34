package harness

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/asgi"
	"github.com/comeback-chaos/xk6-comeback/fakes/jvm"
	"github.com/comeback-chaos/xk6-comeback/fakes/upstream"
	"github.com/comeback-chaos/xk6-comeback/harness/child"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/link"
	"github.com/comeback-chaos/xk6-comeback/harness/server"
)

// backend is a server behind a target that answers requests: a process that comes and goes, at an address that
// stays.
type backend struct {
	lab    *Lab
	name   string // "backend/0"
	label  string // "backend-0"
	spec   server.Spec
	remote *upstream.Remote // nil: it is no upstream, and takes no rules
	addr   string           // of the process
	link   *link.Link       // before it, where the scenario wants links; otherwise nil
	apart  bool             // not behind the target: what it is asked is no request of the load

	mu      sync.Mutex // one start or end at a time
	process *child.Process
	ready   *child.Process // the one that was last found to listen
}

// The limits of a backend's start, beyond what it is told to take, and of its end.
const (
	backendLimit = 10 * time.Second
	backendGrace = 2 * time.Second
)

// Name implements fault.Backend.
func (b *backend) Name() string { return b.name }

// Label implements fault.Backend.
func (b *backend) Label() string { return b.label }

// Spec implements fault.Backend.
func (b *backend) Spec() server.Spec { return b.spec }

// Addr implements fault.Backend.
func (b *backend) Addr() string { return b.addr }

// URL implements fault.Backend.
func (b *backend) URL() string { return "http://" + b.front() }

// front is the host:port that the target is told.
func (b *backend) front() string {
	if b.link != nil {
		return b.link.Addr()
	}
	return b.addr
}

// Remote implements fault.Backend.
func (b *backend) Remote() (*upstream.Remote, error) {
	if b.remote == nil {
		return nil, fmt.Errorf("%s is a real server and takes no rules", b.name)
	}
	return b.remote, nil
}

// socket is the lab's, on which its fakes are told what to do.
func (l *Lab) socket() string { return filepath.Join(l.group.Dir(), "control", "lab.sock") }

// Launch implements fault.Backend.
func (b *backend) Launch() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if running(b.process) {
		return nil
	}
	spec, err := b.command()
	if err != nil {
		return err
	}
	b.process, err = b.lab.group.Start(spec)
	return err
}

// command is what starts the process.
func (b *backend) command() (child.Spec, error) {
	if !b.spec.Real() {
		return child.Spec{
			Name: b.name, Path: b.lab.config.Self, InheritEnv: true,
			Args: []string{"x", "comeback", "fake", "upstream", "--socket", b.lab.socket(), "--name", b.name, "--addr", b.addr},
		}, nil
	}
	dir := filepath.Join(b.lab.group.Dir(), b.label)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return child.Spec{}, fmt.Errorf("folder for %s: %w", b.name, err)
	}
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "LANG=C.UTF-8"}
	if b.spec.JVM != nil {
		if err := jvm.Build(b.lab.ctx, dir); err != nil {
			return child.Spec{}, err
		}
		how := *b.spec.JVM
		how.Name = b.name
		path, args, err := how.Command(dir, b.addr)
		return child.Spec{Name: b.name, Path: path, Args: args, Dir: dir, Env: env, Edit: b.ledger}, err
	}
	if err := asgi.Write(dir); err != nil {
		return child.Spec{}, err
	}
	how := *b.spec.ASGI
	how.Name = b.name
	c, err := how.Command(dir, b.addr)
	return child.Spec{Name: b.name, Path: c.Path, Args: c.Args, Dir: c.Dir, Env: append(env, c.Env...), Edit: b.ledger}, err
}

// Start implements fault.Backend.
func (b *backend) Start(ctx context.Context) error {
	if err := b.Launch(); err != nil {
		return err
	}
	p := b.current()
	limit := backendLimit
	if b.spec.ASGI != nil {
		limit += time.Duration(b.spec.ASGI.Migrate)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	go func() {
		select {
		case <-p.Done():
			cancel()
		case <-ctx.Done():
		}
	}()
	if err := b.listens(ctx); err != nil {
		if !running(p) {
			err = errors.New(b.Ending())
		}
		return fmt.Errorf("start %s: %w: see %s", b.name, err, filepath.Join(b.lab.config.Out, logFolder))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ready != p {
		b.ready = p
		b.lab.record.Append(&history.Event{Kind: history.ProcReady, Who: b.name, N: int64(p.PID())})
	}
	return nil
}

// listens waits until the process answers.
func (b *backend) listens(ctx context.Context) error {
	if b.remote != nil {
		_, err := b.remote.AwaitReady(ctx)
		return err
	}
	tick := time.NewTicker(readyPeriod)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+b.addr+b.spec.Health(), nil)
		if err != nil {
			return err
		}
		req.Close = true
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			return res.Body.Close() // whatever it says of its health
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
	}
}

// Stop implements fault.Backend.
func (b *backend) Stop(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.process == nil {
		return nil
	}
	_, err := b.process.Stop(ctx, backendGrace)
	return err
}

// Kill implements fault.Backend.
func (b *backend) Kill() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.process == nil {
		return
	}
	b.process.Kill()
	<-b.process.Done()
	b.process = nil
}

// Done implements fault.Backend.
func (b *backend) Done() <-chan struct{} {
	if p := b.current(); p != nil {
		return p.Done()
	}
	ended := make(chan struct{})
	close(ended)
	return ended
}

// Ending implements fault.Backend.
func (b *backend) Ending() string {
	p := b.current()
	if p == nil {
		return "it does not run"
	}
	late := time.NewTimer(time.Second) // a process that it left behind may hold its output open
	defer late.Stop()
	select {
	case <-p.Drained():
	case <-late.C:
	}
	text := p.Exit().String()
	if line, ok := b.lab.last.Load(b.name); ok {
		text += ": " + strings.TrimSpace(line.(string))
	}
	return text
}

func (b *backend) current() *child.Process {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.process
}

// running tells whether there is a process that has not ended.
func running(p *child.Process) bool {
	if p == nil {
		return false
	}
	select {
	case <-p.Done():
		return false
	default:
		return true
	}
}
