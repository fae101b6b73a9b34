package legacyproxy

import (
	"math"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
)

// noBulkhead gives a backend whatever there is, for as long as it likes. The share of all backends' limits
// above which requests are turned away has no end then either.
func noBulkhead(p *proxy.Proxy) {
	p.Forward.Limits.FirstByte = 0
	load := p.Load
	p.Load = func(path string) ([]backend.Spec, error) {
		specs, err := load(path)
		for i := range specs {
			specs[i].MaxActive = math.MaxInt32
		}
		return specs, err
	}
}
