// Package sweep is how a server is measured with one number of workers after another: Plan says with which, in
// which order, and Load measures one pass.
//
// It starts no server, and judges nothing: the lab does the one, the check workers the other. The load is closed:
// so many clients, each asking again once it has its answer, as throughput is wanted and not latency at a rate.
package sweep

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Plan is a sweep. The zero value of a field but Counts means its default.
type Plan struct {
	Counts  []int         // numbers of workers, different ones, each 1 to 256
	Rounds  int           // passes with each, 1 to 100; default 4
	Path    string        // that is asked for; default "/"
	Clients int           // that ask; default: four for each worker of the largest count
	Warm    time.Duration // of load before each window; default 1s
	Window  time.Duration // in which answers are counted; default 3s
	Share   float64       // of the highest throughput that is good enough, above 0, below 1; default 0.9
}

// Pass is one measurement to be made.
type Pass struct{ Round, Workers int }

// startTime is what a server is given to start and to stop, for Length.
const startTime = 3 * time.Second

// Complete fills in the defaults and tells what is wrong with the plan.
func (p Plan) Complete() (Plan, error) {
	if len(p.Counts) == 0 {
		return p, errors.New("workers: missing: the numbers of workers to measure, such as 1, 2, 3, 4, 6, 8")
	}
	p.Counts = slices.Sorted(slices.Values(p.Counts))
	largest := p.Counts[len(p.Counts)-1]
	def(&p.Rounds, 4)
	def(&p.Path, "/")
	def(&p.Clients, 4*largest)
	def(&p.Warm, time.Second)
	def(&p.Window, 3*time.Second)
	def(&p.Share, 0.9)
	switch {
	case p.Counts[0] < 1 || largest > 256:
		return p, fmt.Errorf("workers: %v, want 1 to 256", p.Counts)
	case len(slices.Compact(slices.Clone(p.Counts))) < len(p.Counts):
		return p, fmt.Errorf("workers: %v, want each once: rounds repeats them", p.Counts)
	case p.Rounds < 1 || p.Rounds > 100:
		return p, fmt.Errorf("rounds: %d, want 1 to 100", p.Rounds)
	case !strings.HasPrefix(p.Path, "/"):
		return p, fmt.Errorf("path: %q, want one that begins with /", p.Path)
	case p.Clients < 2*largest || p.Clients > 4096:
		return p, fmt.Errorf("clients: %d, want %d (two for each of %d workers) to 4096: with fewer some workers would wait for work", p.Clients, 2*largest, largest)
	case p.Warm < 0 || p.Window < 100*time.Millisecond || p.Warm > time.Hour || p.Window > time.Hour:
		return p, fmt.Errorf("warm, window: %v and %v, want up to 1h, the window 100ms or more", p.Warm, p.Window)
	case p.Share <= 0 || p.Share >= 1:
		return p, fmt.Errorf("share: %v, want above 0, below 1", p.Share)
	}
	return p, nil
}

func def[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Passes are the measurements in their order: round by round, and in each round all counts in an order of its own,
// drawn from the seed, so that what slowly changes about the machine meets none of them more than others.
func (p Plan) Passes(seed uint64) []Pass {
	var all []Pass
	for round := range p.Rounds {
		random := rand.New(rand.NewPCG(seed, uint64(round)))
		for _, i := range random.Perm(len(p.Counts)) {
			all = append(all, Pass{round, p.Counts[i]})
		}
	}
	return all
}

// Length is how long the sweep takes at most, when servers start and stop at a usual speed.
func (p Plan) Length() time.Duration {
	return time.Duration(p.Rounds*len(p.Counts)) * (p.Warm + p.Window + startTime)
}
