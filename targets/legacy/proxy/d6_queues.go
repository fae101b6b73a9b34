package legacyproxy

import (
	"time"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy"
)

// letsAllWait turns nobody away: whoever comes while every backend is busy waits until it is not.
func letsAllWait(p *proxy.Proxy) {
	p.Shed.Limit = func() int64 { return 0 } // none is known, so nobody is above it
	p.Pool.Queue.Places, p.Pool.Queue.Wait = 1<<20, time.Minute
}
