package check_test

import (
	"testing"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/check"
	. "github.com/comeback-chaos/xk6-comeback/harness/history" //nolint:revive // see row_test.go
)

// tries are attempts of an instance to connect, after these waits from a time on.
func tries(who string, from time.Duration, waits ...time.Duration) []Event {
	conn := uint32(100 * (1 + int(who[len(who)-1])))
	var events []Event
	for i, at := 0, from; ; i++ {
		conn++
		events = append(events,
			Event{At: at, Kind: ConnOpen, Conn: conn, Who: who},
			Event{At: at + ms, Kind: ConnClose, Conn: conn, Text: "refused "})
		if i == len(waits) {
			return events
		}
		at += waits[i]
	}
}

func TestReconnects(t *testing.T) {
	t.Parallel()
	expect := Expect{Reconnects: &Range{Min: 4, Max: 8}}
	f := fault(1*sec, 6*sec)
	backoff := []time.Duration{100 * ms, 210 * ms, 390 * ms, 800 * ms, 1100 * ms}
	apart := []time.Duration{90 * ms, 200 * ms, 480 * ms, 690 * ms, 900 * ms}
	nearly := []time.Duration{120 * ms, 200 * ms, 395 * ms, 790 * ms, 1130 * ms}
	even := []time.Duration{300 * ms, 320 * ms, 280 * ms, 310 * ms}
	none := Expect{Reconnects: &Range{Min: 0, Max: 8}}
	judgeRows(t, "reconnects", all, []row{
		{name: "backs off", expect: expect, events: [][]Event{f, tries("consumer/0", 2*sec, backoff...)}, want: check.Pass, says: "1 instance tried to connect 6 to 6 times"},
		{name: "two, apart", expect: expect, want: check.Pass, events: [][]Event{
			f, tries("consumer/0", 2*sec, backoff...), tries("consumer/1", 2*sec, apart...)}},
		{name: "two in lockstep", expect: expect, want: check.Fail, says: "lockstep: 3 waits", events: [][]Event{
			f, tries("consumer/0", 2*sec, backoff...), tries("consumer/1", 2*sec, nearly...)}},
		{name: "two, and all their waits too short to tell", expect: expect, want: check.Unknown, says: "go in lockstep is not to be seen", events: [][]Event{
			f, tries("consumer/0", 2*sec, 50*ms, 110*ms, 200*ms, 300*ms), tries("consumer/1", 2*sec, 50*ms, 110*ms, 200*ms, 300*ms)}},
		{name: "waits that do not grow", expect: expect, want: check.Fail, says: "consumer/0 between its attempts do not grow", events: [][]Event{
			f, tries("consumer/0", 2*sec, even...)}},
		{name: "too many", expect: expect, want: check.Fail, says: "9 times during the faults, wanted at most 8", events: [][]Event{
			f, tries("consumer/0", 2*sec, 1*ms, 1*ms, 1*ms, 1*ms, 1*ms, 1*ms, 1*ms, 1*ms)}},
		{name: "one too few", expect: expect, want: check.Fail, says: "consumer/1 tried to connect 2 times", events: [][]Event{
			f, tries("consumer/0", 2*sec, backoff...), tries("consumer/1", 2*sec, 100*ms)}},
		{name: "none", expect: expect, events: [][]Event{f}, want: check.Fail, says: "0 times"},
		{name: "outside of the fault", expect: expect, events: [][]Event{f, tries("consumer/0", 7*sec, backoff...)}, want: check.Fail, says: "0 times"},
		{name: "of another", expect: expect, events: [][]Event{f, tries("load/0", 2*sec, backoff...)}, want: check.Fail, says: "0 times"},
		{name: "over two faults, none long", expect: expect, want: check.Unknown, says: "no instance tried 4 times during a fault", events: [][]Event{
			f, tries("consumer/0", 2*sec, 1*ms, 1*ms), fault(8*sec, 9*sec), tries("consumer/0", 8500*ms, 1*ms, 1*ms)}},
		{name: "too few to tell", expect: none, events: [][]Event{f, tries("consumer/0", 2*sec, 100*ms)}, want: check.Unknown, says: "not to be seen"},
		{name: "too few so far", expect: expect, bare: true, want: check.Unknown, says: "ends before the run", events: [][]Event{
			cutShort(Event{Kind: ConnOpen, Conn: target, Who: "consumer/0"})}},
		{name: "no target", expect: expect, bare: true, events: [][]Event{cutShort()}, want: check.Unknown, says: "ever connected"},
	})
}
