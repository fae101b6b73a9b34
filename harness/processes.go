package harness

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/comeback-chaos/xk6-comeback/harness/fault"
	"github.com/comeback-chaos/xk6-comeback/harness/target"
)

// startTargets starts every instance and waits until each is ready.
func (l *Lab) startTargets(ctx context.Context) error {
	for i := range l.target.Instances {
		addresses, err := l.addresses(i)
		if err != nil {
			return err
		}
		t := &instance{lab: l, name: instanceName(l.config.Spec.Target, i), addresses: addresses}
		if err := t.Use(""); err != nil {
			return err
		}
		l.targets = append(l.targets, t)
	}
	for _, t := range l.targets {
		if err := t.Start(ctx); err != nil {
			return err
		}
	}
	for _, t := range l.targets {
		if err := t.Ready(ctx); err != nil {
			return err
		}
	}
	return nil
}

// addresses is what the instance is told.
func (l *Lab) addresses(i int) (target.Addresses, error) {
	port, err := l.group.FreePort()
	if err != nil {
		return nil, err
	}
	state := filepath.Join(l.group.Dir(), fmt.Sprintf("state-%d", i))
	if err := os.Mkdir(state, 0o700); err != nil {
		return nil, fmt.Errorf("folder for the target's state: %w", err)
	}
	if l.http() {
		return l.siteAddresses(i, port, state)
	}
	return target.Addresses{
		target.Broker: l.through(fault.LinkBroker, l.urlThrough(l.wires[i]), i),
		target.AI:     l.through(fault.LinkAI, l.worker.url(), i),
		target.API:    l.through(fault.LinkAPI, l.api.URL(), i),
		target.Alerts: l.through(fault.LinkAlerts, l.alerts.URL(), i),
		target.Queue:  l.target.Queue, target.Dead: l.target.Dead,
		target.HostProc: l.host.Dir, target.Restart: l.HookPath("restart"), target.Terminate: l.HookPath("terminate"),
		target.Listen: fmt.Sprintf("127.0.0.1:%d", port), target.State: state,
		target.Instance: l.instanceID(i), target.Region: region, target.Metadata: l.metadata[i].URL(),
	}, nil
}

// siteAddresses is what a target is told that answers requests, its config among them.
func (l *Lab) siteAddresses(i, port int, state string) (target.Addresses, error) {
	admin, err := l.group.FreePort()
	if err != nil {
		return nil, err
	}
	a := target.Addresses{
		target.Listen: fmt.Sprintf("127.0.0.1:%d", port), target.Admin: fmt.Sprintf("127.0.0.1:%d", admin),
		target.Alerts: l.alerts.URL(), target.State: state, target.ConfigAt: filepath.Join(l.group.Dir(), fmt.Sprintf("config-%d", i)),
		target.Instance: l.instanceID(i), target.Region: region,
	}
	c := target.Config{Listen: a[target.Listen], Admin: a[target.Admin], State: state, Needs: l.target.Needing(l.config.Spec.Needs)}
	for _, b := range l.site.list() {
		host, port, err := net.SplitHostPort(b.front())
		if err != nil {
			return nil, fmt.Errorf("address of %s: %w", b.name, err)
		}
		c.Backends = append(c.Backends, target.Backend{Name: b.label, Host: host, Port: port, Version: b.spec.Version()})
	}
	text, err := l.target.Configure(c)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(a[target.ConfigAt], []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("write the target's config: %w", err)
	}
	return a, nil
}

// region is the cloud region of every instance.
const region = "eu-central-1"

func (l *Lab) instanceID(i int) string { return fmt.Sprintf("i-%08x%09d", l.config.Seed&0xffffffff, i) }
