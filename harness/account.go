package harness

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/comeback-chaos/xk6-comeback/fakes/upstream"
	"github.com/comeback-chaos/xk6-comeback/harness/fault"
	"github.com/comeback-chaos/xk6-comeback/harness/server"
)

// accountName is the account service's, and the host by which a scenario's backends call it.
const accountName = "account"

// needsAccount tells whether a backend calls the lab's account service.
func needsAccount(s server.Spec) bool {
	u, err := url.Parse(s.Upstream.Account.URL)
	return !s.Real() && err == nil && u.Host == accountName
}

// makeAccount gives the service that backends depend on, made at the first call and not started.
func (l *Lab) makeAccount(ctx context.Context) (*backend, error) {
	if l.site.account != nil {
		return l.site.account, nil
	}
	port, err := l.group.FreePort()
	if err != nil {
		return nil, err
	}
	b := &backend{lab: l, name: accountName, label: accountName, addr: fmt.Sprintf("127.0.0.1:%d", port), apart: true}
	b.remote = &upstream.Remote{OnRecord: b.record}
	if err := b.remote.Push(ctx, b.spec.Upstream); err != nil {
		return nil, err
	}
	l.site.account = b
	return b, nil
}

// withAccount is the spec with the address of the account service where it names that. The caller holds the site.
func (l *Lab) withAccount(ctx context.Context, spec server.Spec) (server.Spec, error) {
	if !needsAccount(spec) {
		return spec, nil
	}
	service, err := l.makeAccount(ctx)
	if err != nil {
		return spec, err
	}
	u, err := url.Parse(spec.Upstream.Account.URL)
	if err != nil {
		return spec, err // needsAccount has parsed it
	}
	u.Host = service.addr
	spec.Upstream.Account.URL = u.String()
	return spec, nil
}

// Account implements fault.Lab.
func (l *Lab) Account() (fault.Backend, error) {
	l.site.mu.Lock()
	defer l.site.mu.Unlock()
	if l.site.account == nil {
		return nil, errors.New("no backend depends on an account service: give one account: {url: 'http://account'} in incident()")
	}
	return l.site.account, nil
}
