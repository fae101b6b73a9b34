package legacyproxy

import (
	"context"
	"net"
	"time"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
)

// aliveIsHealthy asks the backend's kernel for a connection, and the backend nothing.
func aliveIsHealthy(p *proxy.Proxy) {
	p.Active.Probe = func(ctx context.Context, spec *backend.Spec) backend.Check {
		began := time.Now()
		c := backend.Check{OK: true, What: "connected"}
		d := net.Dialer{Timeout: spec.Health.Timeout}
		conn, err := d.DialContext(ctx, "tcp", spec.URL.Host)
		if err != nil {
			c.OK, c.What = false, backend.Cause(err, spec.Health.Timeout)
		} else {
			_ = conn.Close()
		}
		c.At = time.Now()
		c.Took = c.At.Sub(began)
		return c
	}
}
