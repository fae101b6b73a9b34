package legacyproxy

import (
	"time"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy"
)

// noBudget tries every failure again, also when everything fails: an outage costs the backends several times the work.
func noBudget(p *proxy.Proxy) { p.Forward.Retry.Budget = unlimited{} }

type unlimited struct{}

func (unlimited) Request(time.Time)   {}
func (unlimited) Take(time.Time) bool { return true }
