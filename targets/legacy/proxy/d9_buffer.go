package legacyproxy

import (
	"math"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy"
)

// unboundedBuffer has no high water mark.
func unboundedBuffer(p *proxy.Proxy) { p.Flow.High = math.MaxInt }
