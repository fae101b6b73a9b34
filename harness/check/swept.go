package check

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/usl"
)

// Sweep is what a sweep over numbers of workers has shown.
type Sweep struct {
	Rows     []SweepRow `json:"rows"`
	Ceiling  int64      `json:"ceiling"` // requests a second that the load itself could make
	Unsteady int        `json:"unsteady,omitempty"`
	Model    *usl.Model `json:"model,omitempty"` // nil: nothing could be fitted
	Misfit   float64    `json:"misfit"`          // of the medians from the model, root mean square
	Noise    float64    `json:"noise"`           // of the rounds from their medians, root mean square
	Peak     float64    `json:"peak,omitempty"`  // by the model; 0: it has none
	Best     int        `json:"best,omitempty"`  // workers that are recommended; 0: none
	BestSpan usl.Span   `json:"bestSpan"`        // 90 % interval of Best
	Enough   int        `json:"enough,omitempty"`
	Deployed int        `json:"deployed,omitempty"`
	Keeps    *usl.Span  `json:"keeps,omitempty"`   // share of the highest throughput that Deployed gives, 90 % interval
	Refused  string     `json:"refused,omitempty"` // why nothing is recommended
}

// SweepRow is one number of workers.
type SweepRow struct {
	Workers    int           `json:"workers"`
	Rounds     int           `json:"rounds"`     // that count
	Throughput float64       `json:"throughput"` // median of the rounds, good answers a second
	Low        float64       `json:"low"`        // of the rounds
	High       float64       `json:"high"`
	P50        time.Duration `json:"p50"` // medians of the rounds
	P99        time.Duration `json:"p99"`
	Fitted     float64       `json:"fitted,omitempty"` // throughput by the model
}

// What a pass must be like to be counted.
const (
	leastAnswers  = 30   // in a window: with fewer one more or less is several per cent
	mostBad       = 0.01 // share of answers that are none, or bad
	mostOfCeiling = 0.5  // of what the load itself can do
	mostCPU       = 0.25 // of the machine, for the load itself
	steadyShare   = 0.2  // by which the halves of a window may differ, beside chance
)

// swept gathers a sweep.
type swept struct {
	passes  []measured
	ceiling int64
	damaged error
}

type measured struct {
	workers int
	history.Pass
}

func (p measured) String() string {
	return fmt.Sprintf("round %d with %s", p.Round+1, count(p.workers, "worker"))
}

// throughput is in good answers a second.
func (p measured) throughput() float64 { return float64(p.Good) / p.Window.Seconds() }

// steady tells whether both halves of the window saw the same, as far as chance lets one tell.
func (p measured) steady() bool {
	first, second := float64(p.First), float64(p.Good-p.First)
	return math.Abs(first-second) <= steadyShare*float64(p.Good)/2+4*math.Sqrt(float64(p.Good))
}

func (s *swept) see(e *history.Event) {
	switch {
	case e.Kind != history.Probe || e.Flags.Has(history.Failed):
	case e.Who == history.CeilingProbe:
		s.ceiling = e.N
	case e.Who == history.PassProbe:
		p := measured{workers: int(e.Code)}
		if err := json.Unmarshal([]byte(e.Text), &p.Pass); err != nil || p.workers < 1 || p.Window <= 0 || p.Good < 0 || p.First < 0 || p.First > p.Good {
			s.damaged = fmt.Errorf("what was measured at %s with %d workers cannot be read (%v): %s", clock(e.At), e.Code, err, e.Text)
			return
		}
		s.passes = append(s.passes, p)
	}
}

// flaw says what is wrong with the measurements, "" when nothing is.
func (s *swept) flaw() string {
	switch {
	case s.damaged != nil:
		return s.damaged.Error()
	case len(s.passes) == 0:
		return "nothing was measured"
	case s.ceiling <= 0:
		return "what the load itself can do was not measured"
	}
	for _, p := range s.passes {
		asked := p.Good + p.Bad + p.None
		switch {
		case float64(p.Bad+p.None) > mostBad*float64(asked):
			return fmt.Sprintf("%s: %d of %d requests were answered badly and %d not at all, the first: %s: a server that fails is not measured", p, p.Bad, asked, p.None, p.Why)
		case p.Good < leastAnswers:
			return fmt.Sprintf("%s: %s in %v, want %d: make the window longer", p, count(p.Good, "answer"), p.Window, leastAnswers)
		case p.throughput() > mostOfCeiling*float64(s.ceiling):
			return fmt.Sprintf("%s: %.0f answers a second, and the load itself can make no more than %d: it is the load that was measured; ask for more work a request", p, p.throughput(), s.ceiling)
		case p.CPU > mostCPU:
			return fmt.Sprintf("%s: the load itself used %.0f %% of the machine, want at most %.0f %%: it took what the server needs; ask for more work a request", p, 100*p.CPU, 100*mostCPU)
		}
	}
	return ""
}

// report works out what the sweep has shown.
func (s *swept) report(want *history.Swept, seed uint64) *Sweep {
	r := &Sweep{Ceiling: s.ceiling, Deployed: want.Deployed}
	var points []usl.Point
	by := map[int][]measured{}
	for _, p := range s.passes {
		if !p.steady() {
			r.Unsteady++
			continue
		}
		points = append(points, usl.Point{N: p.workers, X: p.throughput()})
		by[p.workers] = append(by[p.workers], p)
	}
	for _, n := range want.Counts {
		r.Rows = append(r.Rows, row(n, by[n]))
	}
	if r.Refused = s.flaw(); r.Refused != "" {
		return r
	}
	for _, row := range r.Rows {
		if row.Rounds == 0 {
			r.Refused = fmt.Sprintf("nothing that counts was measured with %s (%s not steady)", count(row.Workers, "worker"), count(r.Unsteady, "pass"))
			return r
		}
	}
	a, err := usl.Recommend(points, usl.Options{Share: want.Share, Seed: seed})
	r.fitted(a)
	if err != nil {
		r.Refused = err.Error()
		return r
	}
	r.Best, r.BestSpan, r.Enough = a.Best, a.BestSpan, a.Enough
	if want.Deployed > 0 && a.Within(want.Deployed) {
		keeps := a.Keeps(want.Deployed)
		r.Keeps = &keeps
	}
	return r
}

// fitted notes the model, if there is one.
func (r *Sweep) fitted(a usl.Advice) {
	if a.Model == (usl.Model{}) {
		return
	}
	r.Model, r.Misfit, r.Noise = &a.Model, a.Misfit, a.Noise
	if peak := a.Model.Peak(); !math.IsInf(peak, 0) {
		r.Peak = peak
	}
	for i := range r.Rows {
		r.Rows[i].Fitted = a.Model.At(float64(r.Rows[i].Workers))
	}
}

func row(n int, passes []measured) SweepRow {
	r := SweepRow{Workers: n, Rounds: len(passes)}
	if len(passes) == 0 {
		return r
	}
	var xs []float64
	var p50, p99 []time.Duration
	for _, p := range passes {
		xs, p50, p99 = append(xs, p.throughput()), append(p50, p.P50), append(p99, p.P99)
	}
	r.Throughput, r.P50, r.P99 = middle(xs), middle(p50), middle(p99)
	r.Low, r.High = slices.Min(xs), slices.Max(xs)
	return r
}

func middle[T float64 | time.Duration](values []T) T {
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}
