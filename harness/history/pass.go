package history

import "time"

// Probes of a sweep over numbers of workers.
const (
	PassProbe    = "workers"      // Who of the Probe that ends a pass. Code: workers, N: good answers, Text: Pass as JSON
	CeilingProbe = "load ceiling" // Who of the Probe of what the load itself can do. N: requests a second, of a server that does nothing
)

// Pass is one measurement of a sweep: a server with so many workers under a load that keeps them all busy.
type Pass struct {
	Round   int           `json:"round"`          // from 0
	Window  time.Duration `json:"window"`         // in which answers were counted
	Clients int           `json:"clients"`        // that asked, each waiting for its answer
	Good    int64         `json:"good"`           // answers below 400 in the window
	Bad     int64         `json:"bad,omitempty"`  // other answers
	None    int64         `json:"none,omitempty"` // requests without an answer
	First   int64         `json:"first"`          // good answers in the window's first half
	P50     time.Duration `json:"p50"`            // of the good answers
	P99     time.Duration `json:"p99"`
	CPU     float64       `json:"cpu"`           // share of the machine's processors that the load itself used, 0 to 1
	Why     string        `json:"why,omitempty"` // what the first bad answer, or the first missing one, was
}

// Swept is what a history says of its sweep.
type Swept struct {
	Counts   []int   `json:"counts"`             // numbers of workers, in the order of numbers
	Rounds   int     `json:"rounds"`             // passes with each
	Share    float64 `json:"share"`              // of the highest throughput that is good enough
	Deployed int     `json:"deployed,omitempty"` // workers that the target is deployed with; 0: not said
}
