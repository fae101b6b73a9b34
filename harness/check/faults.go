package check

import (
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// faults is the account of what was injected, in that order.
type faults struct {
	list   []Fault
	active int // injected and not healed

	stretches int              // how often active rose from 0
	attempts  map[int]attempts // of the target to connect, by stretch
}

// find gives a fault by id; the last one, should an id come twice.
func (x *faults) find(id int64) *Fault {
	for i := len(x.list) - 1; i >= 0; i-- {
		if x.list[i].ID == id {
			return &x.list[i]
		}
	}
	return nil
}

// noteInFlight keeps how much was in flight at most from a fault's injection until it took effect: a
// fault that waits for an ack takes effect when that ack has just left.
func (x *faults) noteInFlight(n int64) {
	if x.active == 0 {
		return
	}
	for i := range x.list {
		if f := &x.list[i]; f.InEffect == never && f.Heal == never {
			f.InFlight = max(f.InFlight, n)
		}
	}
}

// afterglow is how long after its heal a fault may still touch an op: what was decided before.
const afterglow = 250 * time.Millisecond

func (x *faults) touch(e *history.Event) {
	f := x.find(e.N)
	if f == nil {
		return
	}
	f.Touched++
	if f.Heal != never && f.Outlived == never && e.At-f.Heal > afterglow {
		f.Outlived = e.At
	}
}

// seeFault follows a fault's life.
func (f *Facts) seeFault(e *history.Event) {
	if e.Kind == history.Inject {
		f.faults.list = append(f.faults.list, Fault{
			ID: e.N, Name: e.Who, Params: e.Text, Inject: e.At, InFlight: f.wires.inFlight,
			InEffect: never, Heal: never, Gone: never, Outlived: never,
		})
		if f.faults.active == 0 {
			f.faults.stretches++
		}
		f.faults.active++
		f.wires.shareAnew()
		f.stall.setJudged(false, e.At)
		f.under.setJudged(true, e.At)
		return
	}
	fault := f.faults.find(e.N)
	if fault == nil {
		return // of a fault that was never injected
	}
	first := func(at *time.Duration) {
		if *at == never {
			*at = e.At
		}
	}
	switch e.Kind {
	case history.InEffect:
		first(&fault.InEffect)
		if fault.Evidence == "" {
			fault.Evidence = e.Text
		}
	case history.Heal:
		if fault.Heal == never {
			f.faults.active--
		}
		first(&fault.Heal)
		f.wires.shareAnew()
		f.stall.setJudged(f.faults.active == 0, e.At)
		f.under.setJudged(f.faults.active > 0, e.At)
	case history.Gone:
		first(&fault.Gone)
		f.wires.shareAnew()
	case history.Outlived:
		first(&fault.Outlived)
	}
}

// on tells whether a fault of that name is in place.
func (x *faults) on(name string) bool {
	for _, f := range x.list {
		if f.Name == name && f.Heal == never {
			return true
		}
	}
	return false
}

// span gives the time from the first injection to the last heal; never for what did not happen.
func (x *faults) span() (from, to time.Duration) {
	from, to = never, never
	for _, f := range x.list {
		if from == never || f.Inject < from {
			from = f.Inject
		}
		to = max(to, f.Heal)
	}
	return from, to
}

// healed tells whether every fault was.
func (x *faults) healed() bool {
	for _, f := range x.list {
		if f.Heal == never {
			return false
		}
	}
	return true
}
