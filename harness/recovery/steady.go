package recovery

import "time"

// Range is a target's steady state: what a Series showed before the fault.
type Range struct {
	From    time.Duration `json:"from"`    // the stretch it was read from
	To      time.Duration `json:"to"`      //
	Rate    float64       `json:"rate"`    // effects a second, mean
	MinRate float64       `json:"minRate"` // lowest over a second
	Latency time.Duration `json:"latency"` // highest, offer → first effect
	Backlog int           `json:"backlog"` // highest: offered, no effect yet
}
