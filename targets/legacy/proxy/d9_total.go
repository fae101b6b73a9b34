package legacyproxy

import (
	"time"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy"
)

// totalLimit gives each client the same time, whatever the size of the answer and its own pace.
func totalLimit(p *proxy.Proxy) { p.Flow.Total = 2 * time.Second }
