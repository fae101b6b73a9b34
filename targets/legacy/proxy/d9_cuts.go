package legacyproxy

import (
	"time"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy"
)

// cutsAtOnce has no patience with a reader that is slow.
func cutsAtOnce(p *proxy.Proxy) {
	p.Flow.Deadline = func(_, now time.Time) time.Time { return now.Add(100 * time.Millisecond) }
}
