package check_test

import (
	"testing"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/check"
	. "github.com/comeback-chaos/xk6-comeback/harness/history" //nolint:revive // hand-written histories are made of its names
)

// burns is a process that uses so many cores from one time to another, as read every 250 ms.
func burns(pid int32, cores float64, used, from, to time.Duration) []Event {
	var events []Event
	for at := from; at <= to; at += 250 * ms {
		n := used + time.Duration(cores*float64(at-from))
		events = append(events, Event{At: at, Kind: Probe, Who: CPUProbe + "consumer/0", Code: pid, N: n.Milliseconds()})
	}
	return events
}

func TestBusy(t *testing.T) {
	t.Parallel()
	expect := Expect{CPU: 0.25}
	f := fault(3*sec, 4*sec)
	end := done(7*sec, 1)
	judgeRows(t, "busy", all, []row{
		{name: "as before", expect: expect, events: [][]Event{f, end, burns(7, 0.1, 0, 0, 7*sec)}, want: check.Pass, says: "0.10 cores"},
		{name: "a little more", expect: expect, events: [][]Event{f, end, burns(7, 0.1, 0, 0, 3*sec), burns(7, 0.3, sec, 4*sec, 7*sec)}, want: check.Pass},
		{name: "less", expect: expect, events: [][]Event{f, end, burns(7, 1, 0, 0, 3*sec), burns(7, 0, 9*sec, 4*sec, 7*sec)}, want: check.Pass},
		{name: "it spins", expect: expect, events: [][]Event{f, end, burns(7, 0.1, 0, 0, 3*sec), burns(7, 1, sec, 4*sec, 7*sec)}, want: check.Fail, says: "1.00 cores after its recovery, and used 0.10"},
		{name: "another process spins", expect: expect, events: [][]Event{f, end, burns(7, 0.1, 9*sec, 0, 3*sec), burns(8, 1, 0, 4*sec, 7*sec)}, want: check.Fail},
		{name: "during the fault only", expect: expect, events: [][]Event{f, end, burns(7, 0, 0, 0, 2900*ms), burns(7, 2, 0, 3*sec, 3900*ms), burns(7, 0, 3*sec, 4*sec, 7*sec)}, want: check.Pass},
		{name: "no readings", expect: expect, events: [][]Event{f, end}, want: check.Unknown, says: "of no process"},
		{name: "none before", expect: expect, events: [][]Event{f, end, burns(7, 0, 0, 4*sec, 7*sec)}, want: check.Unknown, says: "0.000s before"},
		{name: "too short after", expect: expect, events: [][]Event{f, end, burns(7, 0, 0, 0, 4500*ms)}, want: check.Unknown, says: "wanted 500ms and 1s"},
		{name: "no fault", expect: expect, events: [][]Event{end, burns(7, 0, 0, 0, 7*sec)}, want: check.Unknown, says: "no fault"},
	})
}
