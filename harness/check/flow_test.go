package check_test

import (
	"slices"
	"testing"

	"github.com/comeback-chaos/xk6-comeback/harness/check"
	. "github.com/comeback-chaos/xk6-comeback/harness/history" //nolint:revive // hand-written histories are made of its names
)

func TestPrefetch(t *testing.T) {
	t.Parallel()
	two := slices.Concat(sent(1*ms, 1), sent(1*ms, 2), delivered(2*ms, 1), delivered(3*ms, 2))
	closed := []Event{{At: 4 * ms, Kind: ChanClose, Conn: target, Chan: 1}, {At: 5 * ms, Kind: ChanOpen, Conn: target, Chan: 1}}
	judgeRows(t, "prefetch", all, []row{
		{name: "as many as allowed", expect: Expect{Prefetch: 2}, want: check.Pass, says: "2 deliveries unsettled on a channel at most, of 2", events: [][]Event{two}},
		{name: "one too many", expect: Expect{Prefetch: 1}, want: check.Fail, says: "0.003s: delivery 2", events: [][]Event{two}},
		{name: "settled in between", expect: Expect{Prefetch: 1}, want: check.Pass, events: [][]Event{done(1*ms, 1), done(9*ms, 2)}},
		{name: "on another channel", expect: Expect{Prefetch: 2}, want: check.Pass, events: [][]Event{two, closed, delivered(6*ms, 3)}},
		{name: "made by a fault", expect: Expect{Prefetch: 2}, want: check.Pass, events: [][]Event{two, with(Synthetic, delivered(4*ms, 2))}},
		{name: "made by a fault, and settled", expect: Expect{Prefetch: 2}, want: check.Fail, says: "3 deliveries unsettled", events: [][]Event{
			two, with(Synthetic, delivered(4*ms, 2)), acked(5*ms, 1), acked(5*ms, 2), acked(5*ms, 2), delivered(6*ms, 3), delivered(6*ms, 4), delivered(6*ms, 5)}},
		{name: "dropped by a fault", expect: Expect{Prefetch: 2}, want: check.Pass, events: [][]Event{two, with(Swallowed, delivered(4*ms, 3))}},
		{name: "nothing delivered", expect: Expect{Prefetch: 2}, want: check.Unknown, says: "nothing was delivered", events: [][]Event{sent(1*ms, 1)}},
	})
}

func TestPriority(t *testing.T) {
	t.Parallel()
	urgent := func(n int) []Event { e := sent(5*ms, n); e[0].Code = 9; return e }
	plain := func(from, to int) (events []Event) {
		for n := from; n <= to; n++ {
			events = append(events, sent(1*ms, n)...)
		}
		return events
	}
	came := func(from, to int) (events []Event) {
		for n := from; n <= to; n++ {
			events = append(events, delivered(6*ms, n)...)
		}
		return events
	}
	again := with(Redelivered, slices.Repeat(delivered(6*ms, 1), 200))
	judgeRows(t, "priority", all, []row{
		{name: "overtakes", want: check.Pass, says: "1 of 1 urgent message overtook what waited; 3 of lower", events: [][]Event{
			plain(1, 200), urgent(500), came(1, 3), delivered(7*ms, 500)}},
		{name: "waits its turn", want: check.Fail, says: "m500: confirmed at 0.005s with priority 9, 150 of", events: [][]Event{
			plain(1, 200), urgent(500), came(1, 150), delivered(7*ms, 500)}},
		{name: "never comes", want: check.Fail, says: "m500", events: [][]Event{plain(1, 200), urgent(500), came(1, 150)}},
		{name: "redeliveries are none", want: check.Pass, events: [][]Event{
			plain(1, 200), urgent(500), came(1, 3), again, delivered(7*ms, 500)}},
		{name: "only later ones wait", want: check.Unknown, says: "no message of lower priority waited", events: [][]Event{
			plain(1, 60), urgent(500), slices.Concat(sent(6*ms, 301), sent(6*ms, 302)), came(1, 60), delivered(7*ms, 500)}},
		{name: "nothing waits", want: check.Unknown, says: "no message of lower priority waited", events: [][]Event{
			plain(1, 1), came(1, 1), urgent(500), delivered(7*ms, 500)}},
		{name: "confirmed before those that were there", want: check.Pass, events: [][]Event{
			unconfirmed(1*ms, 7), urgent(500), one(Event{At: 6 * ms, Kind: Confirm, Conn: load, Chan: 1, Tag: 7}), delivered(7*ms, 500)}},
		{name: "those that were there never arrived", want: check.Unknown, events: [][]Event{
			unconfirmed(1*ms, 7), urgent(500), delivered(7*ms, 500)}},
		{name: "delivered before its confirm is seen", want: check.Pass, events: [][]Event{
			plain(1, 200), urgent(500)[:2], delivered(6*ms, 500), one(Event{At: 7 * ms, Kind: Confirm, Conn: load, Chan: 1, Tag: 500})}},
	})
}
