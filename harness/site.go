package harness

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/comeback-chaos/xk6-comeback/fakes/control"
	"github.com/comeback-chaos/xk6-comeback/fakes/upstream"
	"github.com/comeback-chaos/xk6-comeback/harness/fault"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/link"
	"github.com/comeback-chaos/xk6-comeback/harness/server"
)

// site is the servers behind a target that answers requests: those that the run begins with, and those that a
// rollout adds. It is the control.Handler of the upstreams among them.
type site struct {
	mu  sync.Mutex
	all []*backend

	account *backend // that some depend on, and which is not behind the target; nil: none does
}

// maxBackends bounds what a deployer may start in a run.
const maxBackends = 100

// started are all that run, whether the target knows of them or not.
func (s *site) started() []*backend {
	all := s.list()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.account != nil {
		all = append(all, s.account)
	}
	return all
}

func (s *site) list() []*backend {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.all)
}

// Serve implements control.Handler.
func (s *site) Serve(ctx context.Context, c *control.Conn) error {
	name := c.Peer().Name
	all := s.started()
	i := slices.IndexFunc(all, func(b *backend) bool { return b.name == name && b.remote != nil })
	if i < 0 {
		return fmt.Errorf("no upstream with name %q belongs to this lab", name)
	}
	return all[i].remote.Serve(ctx, c)
}

// openBackends starts the backends of a target that answers requests.
func (l *Lab) openBackends(ctx context.Context) error {
	l.links = map[string][]*link.Link{}
	for i, spec := range l.config.Spec.Backends {
		if _, err := l.addBackend(ctx, fmt.Sprintf("backend-%d", i), spec); err != nil {
			return err
		}
	}
	var err error
	if l.control, err = control.Listen(l.socket(), control.Mux{upstream.Role: &l.site}, l.log); err != nil {
		return err
	}
	for _, b := range l.site.started() {
		if err := b.Start(ctx); err != nil {
			return err
		}
	}
	return nil
}

// AddBackend implements fault.Lab.
func (l *Lab) AddBackend(ctx context.Context, label string, spec server.Spec) (fault.Backend, error) {
	if spec.ASGI != nil && !slices.Contains(l.config.Spec.Programs, "asgi") {
		return nil, fmt.Errorf("backend %s is a real server, which not every machine has: say programs: 'asgi' in incident()", label)
	}
	return l.addBackend(ctx, label, spec)
}

func (l *Lab) addBackend(ctx context.Context, label string, spec server.Spec) (*backend, error) {
	if err := spec.Check(); err != nil {
		return nil, err
	}
	port, err := l.group.FreePort()
	if err != nil {
		return nil, err
	}
	l.site.mu.Lock()
	defer l.site.mu.Unlock()
	n := len(l.site.all)
	if n >= maxBackends {
		return nil, fmt.Errorf("add backend %s: there were %d in this run, which is too many", label, n)
	}
	if spec, err = l.withAccount(ctx, spec); err != nil {
		return nil, err
	}
	seed := l.config.Seed + uint64(n)
	b := &backend{lab: l, name: history.BackendName(n), label: label, spec: spec.As(spec.Version()), addr: fmt.Sprintf("127.0.0.1:%d", port)}
	if !spec.Real() {
		if b.spec.Upstream.Seed == 0 {
			b.spec.Upstream.Seed = seed
		}
		b.remote = &upstream.Remote{OnRecord: b.record}
		if err := b.remote.Push(ctx, b.spec.Upstream); err != nil {
			return nil, err
		}
	}
	if slices.Contains(l.config.Spec.Links, fault.LinkBackend) {
		if b.link, err = link.Listen(link.Config{Name: b.name, Upstream: b.addr, Seed: seed}); err != nil {
			return nil, err
		}
		l.links[fault.LinkBackend] = append(l.links[fault.LinkBackend], b.link)
	}
	l.site.all = append(l.site.all, b)
	return b, nil
}

// Backends implements fault.Lab.
func (l *Lab) Backends() []fault.Backend {
	var all []fault.Backend
	for _, b := range l.site.list() {
		all = append(all, b)
	}
	return all
}

// AdminURL implements fault.Lab.
func (l *Lab) AdminURL() (string, error) {
	if !slices.Contains(l.config.Spec.Needs, FeatureRollout) {
		return "", fmt.Errorf("it drives the target's admin API, which not every target has: say needs: %q in incident()", FeatureRollout)
	}
	return l.targets[0].admin(), nil
}

// FeatureRollout is the feature of a target whose backends a deployer can change: it has the admin API of
// targets/proxy at {admin}.
const FeatureRollout = "rollout"

// Defect implements fault.Lab.
func (l *Lab) Defect() string { return l.config.Defect }
