package check

import (
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/recovery"
)

// Result is what one check found.
type Result struct {
	Check    string   `json:"check"`
	Verdict  Verdict  `json:"verdict"`
	Reason   string   `json:"reason"`             // one sentence with numbers, always set
	Examples []string `json:"examples,omitempty"` // at most 5, with times and ids
}

// Judgement is a run's verdict with everything that reports are written from. The JSON names are
// stable; durations and times are nanoseconds since the run's base.
type Judgement struct {
	Meta      history.Meta       `json:"meta"`
	Verdict   Verdict            `json:"verdict"`
	Reason    string             `json:"reason"` // one sentence: what decided the verdict
	Results   []Result           `json:"results"`
	Windows   PerWindow[Span]    `json:"windows"`
	Ledger    PerWindow[Totals]  `json:"ledger"`
	Rate      PerWindow[Rate]    `json:"rate"`
	Latency   PerWindow[Latency] `json:"latency"` // offer → first effect, of the messages offered in the window
	Recovery  recovery.Outcome   `json:"recovery"`
	Steady    *recovery.Range    `json:"steady,omitempty"` // the range before the fault; nil: there is none
	Faults    []Fault            `json:"faults,omitempty"`
	Alerts    int                `json:"alerts"`
	AllClears int                `json:"allClears"`
	Hooks     map[string]int     `json:"hooks,omitempty"` // calls by hook
	Marks     []Mark             `json:"marks,omitempty"`
	Sweep     *Sweep             `json:"sweep,omitempty"`  // what a sweep over numbers of workers has shown
	Torn      *history.Torn      `json:"torn,omitempty"`   // the history's unfinished end
	Damage    string             `json:"damage,omitempty"` // why the history could not be read to its end
	Series    []recovery.Point   `json:"-"`                // the run in steps of 100 ms, for charts
}

// PerWindow is something told apart by window. A message belongs to the window it was offered in.
//
// Before: from the workload's start to the first Inject. During: from there to the last Heal. After:
// from there to the run's end. A run without a fault is all before. Inject and not InEffect divides
// before from during, since a fault may touch an op before it is seen to.
type PerWindow[T any] struct {
	Before T `json:"before"`
	During T `json:"during"`
	After  T `json:"after"`
	Total  T `json:"total"`
}

// Span is a stretch of the run.
type Span struct {
	From time.Duration `json:"from"`
	To   time.Duration `json:"to"`
}

// Length is never negative.
func (s Span) Length() time.Duration { return max(0, s.To-s.From) }

// Totals count messages of the workload, except where a field says otherwise.
type Totals struct {
	Offered      int64 `json:"offered"`
	Unsent       int64 `json:"unsent"`      // offered, never published
	Published    int64 `json:"published"`   //
	Confirmed    int64 `json:"confirmed"`   // the broker took responsibility for them
	Unknown      int64 `json:"unknown"`     // published, neither confirmed nor refused nor returned: may have arrived
	Refused      int64 `json:"refused"`     // nacked or returned by the broker
	Delivered    int64 `json:"delivered"`   // at least once
	Redelivered  int64 `json:"redelivered"` // deliveries (not messages) with the redelivered flag
	Effects      int64 `json:"effects"`     // had at least one effect
	Duplicates   int64 `json:"duplicates"`  // had more than one
	Lost         int64 `json:"lost"`        // confirmed, no effect: dead-lettered and left-over ones included
	DeadLettered int64 `json:"deadLettered"`
	Unexpected   int64 `json:"unexpected"` // effects (not messages) of messages that were never offered
	Leftover     int64 `json:"leftover"`   // messages still queued at the end, whatever they are; only in total

	// Of requests, whose effect is a good answer; the others are lost, and each is one of these.
	TurnedAway int64 `json:"turnedAway,omitempty"` // with a time to come again
	BadAnswers int64 `json:"badAnswers,omitempty"` // answered with something else than was asked for
	NoAnswers  int64 `json:"noAnswers,omitempty"`
}

// Rate is in messages a second over the window.
type Rate struct {
	Offered float64 `json:"offered"`
	Effects float64 `json:"effects"` // first effects that fell into the window, whenever offered
}

// Latency holds percentiles; all are 0 when Count is.
type Latency struct {
	Count int64         `json:"count"`
	P50   time.Duration `json:"p50"`
	P90   time.Duration `json:"p90"`
	P99   time.Duration `json:"p99"`
	Max   time.Duration `json:"max"`
}

// Fault is one injected fault. A time of -1 means that it never came.
type Fault struct {
	ID       int64         `json:"id"`
	Name     string        `json:"name"`
	Params   string        `json:"params,omitempty"`
	Inject   time.Duration `json:"inject"`
	InEffect time.Duration `json:"inEffect"`
	Heal     time.Duration `json:"heal"`
	Gone     time.Duration `json:"gone"`
	Outlived time.Duration `json:"outlived"`
	Touched  int64         `json:"touched"`            // ops
	Evidence string        `json:"evidence,omitempty"` // of InEffect
	InFlight int64         `json:"inFlight"`           // messages delivered and unsettled when it took effect
}

// Mark is a milestone that the script or the lab told.
type Mark struct {
	At   time.Duration `json:"at"`
	Name string        `json:"name"`
	Text string        `json:"text,omitempty"`
}
