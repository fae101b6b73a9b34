package recovery

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// Known makes the history of a run whose recovery time is known, so that the measurement's own error
// can be measured. From the fault on, the target does nothing; Recovery after the heal it does all
// that has piled up at once, and from then on works as before. The history passes every check.
type Known struct {
	Seed     uint64        // of the jitter
	Rate     float64       // messages a second; 0: 100
	Before   time.Duration // load before the fault; 0: 3 s
	Fault    time.Duration // inject → heal; 0: 1 s
	Recovery time.Duration // heal → works again: what should be measured; negative: never
	After    time.Duration // load after the heal; 0: Recovery and 3 s more
	Latency  time.Duration // offer → effect in the steady state; 0: 10 ms
	Jitter   time.Duration // up to this much more, different for each message
	Relapse  time.Duration // stops again this long after it had recovered, for good; 0: never
	Start    time.Duration // when the load begins
}

func (k Known) defaults() Known {
	k.Rate = cmp.Or(k.Rate, 100)
	k.Before = cmp.Or(k.Before, 3*time.Second)
	k.Fault = cmp.Or(k.Fault, time.Second)
	k.After = cmp.Or(k.After, max(0, k.Recovery)+3*time.Second)
	k.Latency = cmp.Or(k.Latency, 10*time.Millisecond)
	return k
}

// Heal is when the fault is undone.
func (k Known) Heal() time.Duration {
	k = k.defaults()
	return k.Start + k.Before + k.Fault
}

// Meta describes the run as its Begin event does.
func (k Known) Meta() history.Meta {
	k = k.defaults()
	within := max(0, k.Recovery) + 200*time.Millisecond
	return history.Meta{
		Scenario: "known-recovery", Target: "consumer", Seed: k.Seed, Rate: k.Rate, Duration: k.Before + k.Fault + k.After,
		Repeat: fmt.Sprintf("known recovery of %v, seed %d", k.Recovery, k.Seed),
		Expect: history.Expect{Recovery: within, Stall: within + time.Second, InFlight: true},
	}
}

// Events gives the history in order of time.
func (k Known) Events() []history.Event {
	k = k.defaults()
	meta, _ := json.Marshal(k.Meta()) // cannot fail: plain fields only
	begin, inject, heal := k.Start, k.Start+k.Before, k.Heal()
	end := heal + k.After
	load, target := uint32(1), uint32(2)
	events := []history.Event{
		{At: begin, Kind: history.Begin, Text: string(meta)},
		{At: begin, Kind: history.ProcStart, Who: "consumer/0", N: 4242, Text: "consumer"},
		{At: begin, Kind: history.ConnOpen, Conn: load, Who: "load"},
		{At: begin, Kind: history.ConnOpen, Conn: target, Who: "consumer/0"},
		{At: begin, Kind: history.Consume, Conn: target, Chan: 1, Who: "jobs"},
		{At: begin, Kind: history.LoadBegin},
		{At: inject, Kind: history.Inject, N: 1, Who: "freeze"},
		{At: inject + time.Millisecond, Kind: history.InEffect, N: 1, Who: "freeze", Text: "a delivery stayed without effect"},
		{At: inject + time.Millisecond, Kind: history.Touch, N: 1, Conn: target},
		{At: heal, Kind: history.Heal, N: 1, Who: "freeze"},
		{At: heal + time.Millisecond, Kind: history.Gone, N: 1, Who: "freeze", Text: "the target may work"},
		{At: end, Kind: history.LoadEnd},
	}
	messages, last := k.messages(begin, end)
	events = append(events, messages...)
	for at := begin; at < end; at += Bucket {
		events = append(events, history.Event{At: at, Kind: history.Depth, Who: "jobs", Code: 1})
	}
	last = max(last, end) + time.Millisecond
	events = append(events,
		history.Event{At: last, Kind: history.Leftover, Who: "jobs"},
		history.Event{At: last, Kind: history.ProcExit, Who: "consumer/0", N: 4242, Flags: history.Expected},
		history.Event{At: last, Kind: history.End, Text: "done"})
	slices.SortStableFunc(events, func(a, b history.Event) int { return cmp.Compare(a.At, b.At) })
	countReady(events)
	return events
}

// messages gives the events of the load and of the target's work, and the last one's time.
func (k Known) messages(begin, end time.Duration) ([]history.Event, time.Duration) {
	const load, target, hop = 1, 2, 100 * time.Microsecond
	rnd := rand.New(rand.NewPCG(k.Seed, 0x6b6e6f776e)) //nolint:gosec // a reproducible run, not a secret
	var events []history.Event
	gap := time.Duration(float64(time.Second) / k.Rate)
	last := begin
	for at, n := begin, uint64(1); at < end; at, n = at+gap, n+1 {
		id := history.MsgID(n)
		work := k.Latency
		if k.Jitter > 0 {
			work += time.Duration(rnd.Int64N(int64(k.Jitter)))
		}
		events = append(events,
			history.Event{At: at, Kind: history.Offer, Msg: id},
			history.Event{At: at + hop, Kind: history.Publish, Conn: load, Chan: 1, Tag: n, Msg: id, Who: "jobs"},
			history.Event{At: at + 2*hop, Kind: history.Confirm, Conn: load, Chan: 1, Tag: n})
		deliver, ok := k.awake(at + 2*hop)
		if !ok {
			continue
		}
		events = append(events, history.Event{At: deliver, Kind: history.Deliver, Conn: target, Chan: 1, Tag: n, Msg: id})
		effect, ok := k.awake(max(at+work, deliver))
		if !ok {
			continue
		}
		last = max(last, effect+hop)
		events = append(events,
			history.Event{At: effect, Kind: history.Effect, Msg: id, Code: 201, Who: "api"},
			history.Event{At: effect + hop, Kind: history.Ack, Conn: target, Chan: 1, Tag: n})
	}
	return events, last
}

// awake gives the first time from at on at which the target works; false when there is none.
func (k Known) awake(at time.Duration) (time.Duration, bool) {
	inject, back := k.Start+k.Before, k.Heal()+k.Recovery
	switch {
	case at < inject:
		return at, true
	case k.Recovery < 0:
		return 0, false
	case k.Relapse > 0 && at >= back+k.Relapse:
		return 0, false
	default:
		return max(at, back), true
	}
}

// countReady fills in what the probes of the queue saw.
func countReady(events []history.Event) {
	ready, unacked := int64(0), uint64(0)
	for i := range events {
		switch e := &events[i]; e.Kind {
		case history.Publish:
			ready++
		case history.Deliver:
			ready--
			unacked++
		case history.Ack:
			unacked--
		case history.Depth:
			e.N, e.Tag = ready, unacked
		case history.Leftover:
			e.N = ready + int64(unacked)
		}
	}
}
