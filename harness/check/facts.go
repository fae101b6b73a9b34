package check

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/recovery"
)

// never is the time of what did not happen.
const never = time.Duration(-1)

// Facts are what one pass over a history gathers for the checks. Each part is gathered in the file of
// its name; the checks only read them.
type Facts struct {
	Meta   history.Meta
	Torn   *history.Torn // the history's unfinished end
	Damage error         // why the history could not be read to its end, or its Meta not at all

	Began, LoadBegan, LoadEnded, Ended time.Duration // never: not seen
	Last                               time.Duration // of the last event
	Dropped                            int64         // what the load turned away or dropped
	extra                              int64         // offered by faults, beside the load
	EndText                            string        // why the run ended

	unread    error // why the history cannot be judged at all
	series    recovery.Series
	ledger    ledger
	wires     wires
	faults    faults
	stall     stall // outside of faults
	under     stall // while a fault is on
	sides     sides
	forgotten forgotten
	handed    handed
	held      held
	urgency   urgency
	requests  requests
	rollouts  rollouts
	timed     timed
	readers   slowReaders
	cpu       map[string]cpuTimes // by process
	memory    map[string]resident // by process
	swept     swept
	sweep     *Sweep // nil: it is none

	summary
}

// gather makes the pass. With a meta, the Begin event's own is not read.
func gather(meta *history.Meta, events iter.Seq2[*history.Event, error]) *Facts {
	f := &Facts{Began: never, LoadBegan: never, LoadEnded: never, Ended: never}
	if meta != nil {
		f.Meta = *meta
	}
	f.stall.last, f.under.last = never, never
	f.under.faulty, f.under.away = true, true
	for e, err := range events {
		if err != nil {
			f.stop(err)
			break
		}
		f.Last = e.At
		f.series.Observe(e)
		if e.Kind == history.Begin && meta == nil {
			f.readMeta(e)
		}
		f.see(e)
	}
	f.summarise()
	return f
}

// stop tells damage, which a verdict can hold, from a history that could not be read.
func (f *Facts) stop(err error) {
	if _, ok := errors.AsType[*history.Corrupt](err); ok {
		f.Damage = err
		return
	}
	f.unread = err
}

func (f *Facts) readMeta(e *history.Event) {
	if err := json.Unmarshal([]byte(e.Text), &f.Meta); err != nil {
		f.Damage = fmt.Errorf("read the run's description in its first event: %w", err)
	}
}

// see hands an event to the parts that it concerns.
func (f *Facts) see(e *history.Event) {
	switch e.Kind {
	case history.Begin:
		f.Began = e.At
	case history.LoadBegin:
		f.LoadBegan = e.At
	case history.LoadEnd:
		if f.LoadEnded == never {
			f.LoadEnded = e.At
		}
		f.Dropped += e.N
	case history.End:
		f.Ended, f.EndText = e.At, e.Text
	case history.Offer, history.Return, history.DeadLetter:
		f.ledger.see(e)
		if e.Kind == history.Offer {
			if e.Flags.Has(history.Extra) {
				f.extra++
			}
			f.urgency.offer(e)
			if f.Meta.HTTP {
				f.seeRequest(e)
			}
		}
	case history.Take, history.Give, history.Health, history.Answer:
		f.seeRequest(e)
	case history.Rollout:
		f.seeRollout(e)
	case history.Reading:
		f.readers.see(e, f.Meta.Expect.Readers)
	case history.Effect:
		if f.ledger.effect(e) {
			f.forgotten.answered(e)
			f.handed.effect(e.Msg, e.At)
		}
		f.moved(e.At)
	case history.Publish, history.Confirm, history.Refuse, history.Deliver, history.Ack, history.Nack, history.Reject,
		history.ConnOpen, history.ConnClose, history.ChanOpen, history.ChanClose, history.Consume, history.Cancel:
		f.seeWire(e)
	case history.Touch:
		f.faults.touch(e)
		f.seeWire(e)
	case history.Inject, history.InEffect, history.Heal, history.Gone, history.Outlived:
		f.seeFault(e)
	case history.Probe:
		f.readCPU(e)
		f.readMemory(e)
		f.swept.see(e)
		f.sides.see(e)
	case history.Depth:
		f.sides.probe(e)
		f.stall.probe(e)
		f.under.probe(e)
	case history.ProcAsk:
		f.askToEnd(e)
	default:
		f.rollouts.seeProcess(e)
		f.sides.see(e)
	}
}

// moved notes that something was delivered, settled or done.
func (f *Facts) moved(at time.Duration) {
	f.stall.moved(at)
	f.under.moved(at)
}

// isTarget tells whether a role is the target's, whose doings are judged.
func (f *Facts) isTarget(role string) bool {
	rest, ok := strings.CutPrefix(role, f.Meta.Target)
	return ok && f.Meta.Target != "" && (rest == "" || rest[0] == '/')
}

// cut tells whether the history ends before the run did: what is missing then may still have come.
func (f *Facts) cut() bool { return f.Ended == never || f.Torn != nil || f.Damage != nil }

// examples keeps the first few.
type examples []string

const maxExamples = 5

func (x *examples) add(format string, args ...any) {
	if len(*x) < maxExamples {
		*x = append(*x, fmt.Sprintf(format, args...))
	}
}

// clock writes a time of the run for people: seconds to the millisecond.
func clock(at time.Duration) string { return fmt.Sprintf("%.3fs", at.Seconds()) }

// count writes a number with its noun: "1 message", "3 messages".
func count[N int | int64](n N, noun string) string {
	switch {
	case n == 1:
	case strings.HasSuffix(noun, "y"):
		noun = noun[:len(noun)-1] + "ies"
	case strings.HasSuffix(noun, "s"):
		noun += "es"
	default:
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}
