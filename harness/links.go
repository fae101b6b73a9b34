package harness

import (
	"context"
	"fmt"
	"net/url"
	"slices"

	"github.com/comeback-chaos/xk6-comeback/harness/fault"
	"github.com/comeback-chaos/xk6-comeback/harness/link"
)

// openLinks puts a link before each neighbour that the scenario names, one for every instance of the
// target, so that one instance's way can be bad and the others' not. On the way to the broker it
// stands before the wire: target, link, wire, broker.
func (l *Lab) openLinks(context.Context) error {
	l.links = map[string][]*link.Link{}
	for _, name := range l.config.Spec.Links {
		for i := range l.target.Instances {
			upstream, err := l.neighbour(name, i)
			if err != nil {
				return err
			}
			role := instanceName(l.config.Spec.Target, i)
			k, err := link.Listen(link.Config{Name: name + " of " + role, Upstream: upstream, Seed: l.config.Seed + uint64(i)})
			if err != nil {
				return err
			}
			l.links[name] = append(l.links[name], k)
		}
	}
	return nil
}

// neighbour gives the host:port that the target's i-th instance would talk to without a link.
func (l *Lab) neighbour(name string, i int) (string, error) {
	if name == fault.LinkBroker {
		return l.wires[i].Addr(), nil
	}
	raw := map[string]string{fault.LinkAI: l.worker.url(), fault.LinkAPI: l.api.URL(), fault.LinkAlerts: l.alerts.URL()}[name]
	u, err := url.Parse(raw)
	if err != nil {
		return "", fmt.Errorf("address of %s: %w", name, err)
	}
	return u.Host, nil
}

// through gives a URL with the i-th instance's link in the host's place, where there is one.
func (l *Lab) through(name, raw string, i int) string {
	all := l.links[name]
	u, err := url.Parse(raw)
	if all == nil || err != nil { // openLinks has parsed it before
		return raw
	}
	u.Host = all[i].Addr()
	return u.String()
}

// Links implements fault.Lab.
func (l *Lab) Links(name string) ([]*link.Link, error) {
	l.site.mu.Lock() // a rollout adds to those of backends
	all := slices.Clone(l.links[name])
	l.site.mu.Unlock()
	if all != nil {
		return all, nil
	}
	return nil, fmt.Errorf("it makes the way to %s bad, and no link is there: say links: ['%s'] in incident()", name, name)
}

func checkLinks(names []string) error {
	for i, name := range names {
		if !slices.Contains(fault.LinkNames, name) {
			return fmt.Errorf("links: %q, want some of %q", name, fault.LinkNames)
		}
		if slices.Contains(names[:i], name) {
			return fmt.Errorf("links: %q is there twice", name)
		}
	}
	return nil
}
