package harness

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"sync"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/alertsink"
	"github.com/comeback-chaos/xk6-comeback/fakes/apisink"
	"github.com/comeback-chaos/xk6-comeback/fakes/hooks"
	"github.com/comeback-chaos/xk6-comeback/fakes/hostmem"
	"github.com/comeback-chaos/xk6-comeback/fakes/metadata"
	"github.com/comeback-chaos/xk6-comeback/harness/broker"
	"github.com/comeback-chaos/xk6-comeback/harness/fault"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/wire"
)

// What a fault may touch of the lab.
var _ fault.Lab = (*Lab)(nil)

// Record implements fault.Lab.
func (l *Lab) Record(e *history.Event) { l.record.Append(e) }

// Watch implements fault.Lab.
func (l *Lab) Watch(want func(*history.Event) bool) fault.Watch { return l.record.watch(want) }

// Role implements fault.Lab.
func (l *Lab) Role(conn uint32) string { return l.record.role(conn) }

// Wires implements fault.Lab.
func (l *Lab) Wires() []*wire.Wire { return l.wires }

// Worker implements fault.Lab.
func (l *Lab) Worker() fault.Worker { return l.worker }

// Hooks implements fault.Lab.
func (l *Lab) Hooks() *hooks.Desk { return l.desk }

// HookPath implements fault.Lab.
func (l *Lab) HookPath(hook string) string {
	switch hook {
	case hooks.Restart, hooks.Terminate:
		return filepath.Join(l.group.Dir(), hook)
	}
	return ""
}

// Host implements fault.Lab.
func (l *Lab) Host() *hostmem.Fixture { return l.host }

// Metadata implements fault.Lab.
func (l *Lab) Metadata() []*metadata.Service { return l.metadata }

// Targets implements fault.Lab.
func (l *Lab) Targets() []fault.Target {
	all := make([]fault.Target, len(l.targets))
	for i, t := range l.targets {
		all[i] = t
	}
	return all
}

// API implements fault.Lab.
func (l *Lab) API() *apisink.Sink { return l.api }

// Alerts implements fault.Lab.
func (l *Lab) Alerts() *alertsink.Sink { return l.alerts }

// Admin implements fault.Lab.
func (l *Lab) Admin() *broker.Admin { return l.admin }

// Queue implements fault.Lab.
func (l *Lab) Queue() string { return l.target.Queue }

// Dead implements fault.Lab.
func (l *Lab) Dead() string { return l.target.Dead }

// Broker implements fault.Lab. A scenario has to say that it breaks its broker: at a desk it would
// otherwise work, and break everybody's in a suite.
func (l *Lab) Broker() (fault.Broker, error) {
	own, ok := l.broker.(*broker.Local)
	if !ok || !l.config.Spec.OwnBroker {
		return nil, errors.New("it breaks the broker, which this run shares: say broker: 'own' in incident(), and give no broker by URL")
	}
	return own, nil
}

// Claim implements fault.Lab.
func (l *Lab) Claim(what string) (release func(), err error) { return l.claims.take(what) }

// claims are the things that faults in place have for themselves.
type claims struct{ held sync.Map }

func (c *claims) take(what string) (release func(), err error) {
	if _, held := c.held.LoadOrStore(what, true); held {
		return nil, fmt.Errorf("another fault that is in place sets %s: heal that one first", what)
	}
	return sync.OnceFunc(func() { c.held.Delete(what) }), nil
}

// Seed implements fault.Lab.
func (l *Lab) Seed() uint64 { return l.config.Seed }

// HookCalls waits until the target has called a hook n times in this run.
func (l *Lab) HookCalls(ctx context.Context, hook string, n int) error {
	if l.HookPath(hook) == "" {
		return fmt.Errorf("no hook %q; there are %s, %s", hook, hooks.Restart, hooks.Terminate)
	}
	tick := time.NewTicker(lookPeriod)
	defer tick.Stop()
	for len(l.desk.Calls(hook)) < n {
		select {
		case <-tick.C:
		case <-l.loadEnd:
			return fmt.Errorf("the load ended when the target had called the %s hook %d times, not %d", hook, len(l.desk.Calls(hook)), n)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// urlThrough is the broker's URL with the wire in the broker's place. It holds a password.
func (l *Lab) urlThrough(w *wire.Wire) string {
	u, err := url.Parse(l.broker.URL(""))
	if err != nil {
		return "" // broker.Open has parsed it before
	}
	u.Host = w.Addr()
	return u.String()
}
