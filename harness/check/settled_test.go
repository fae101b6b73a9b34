package check_test

import (
	"testing"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/check"
	. "github.com/comeback-chaos/xk6-comeback/harness/history" //nolint:revive // see row_test.go
)

func TestSettled(t *testing.T) {
	t.Parallel()
	loadEnd := one(Event{At: 20 * ms, Kind: LoadEnd})
	left := func(at time.Duration, n int64) []Event { return one(Event{At: at, Kind: Leftover, Who: "jobs", N: n}) }
	stop := func(at time.Duration) []Event { return one(Event{At: at, Kind: ConnClose, Conn: target}) }
	again := func(at time.Duration, tag uint64) []Event { // m1 on a new connection
		return []Event{
			{At: at, Kind: ConnOpen, Conn: 9, Who: "consumer/0"},
			{At: at, Kind: Deliver, Conn: 9, Chan: 1, Tag: tag, Msg: 1, Flags: Redelivered},
		}
	}
	// m1 has its effect at 3 ms, and no settlement.
	forgets := func(more ...[]Event) [][]Event {
		return append([][]Event{sent(1*ms, 1), delivered(2*ms, 1), effect(3*ms, 1), done(5*ms, 2), loadEnd}, more...)
	}
	judgeRows(t, "settled", all, []row{
		{name: "all settled", want: check.Pass, says: "0 left in queues", events: [][]Event{done(1*ms, 1), loadEnd, stop(3 * sec), left(4*sec, 0)}},
		{name: "ack forgotten", want: check.Fail, says: "1 message had an effect and were never settled", events: forgets(stop(3*sec), left(4*sec, 1))},
		{name: "and named", want: check.Fail, events: forgets(stop(3*sec), left(4*sec, 1)),
			says: "m1: effect at 0.003s, not settled by consumer/0 (connection 2 channel 1 tag 1) until 3.000s"},
		{name: "every second one", want: check.Fail, says: "2 messages", events: forgets(
			sent(5*ms, 3), delivered(6*ms, 3), effect(7*ms, 3), done(8*ms, 4), stop(3*sec), left(4*sec, 2))},
		{name: "channel closed by the target", want: check.Fail, says: "until 2.000s", events: forgets(
			on(2*sec, ChanClose, 1, 0, 0), stop(3*sec), left(4*sec, 1))},
		{name: "effect in the last moments", want: check.Pass, says: "1 left", events: forgets(stop(900*ms), left(4*sec, 1))},
		{name: "settled after all", events: forgets(acked(2*sec, 1), stop(3*sec), left(4*sec, 1)), want: check.Pass},
		{name: "nacked", events: forgets(on(2*sec, Nack, 1, 1, Requeue), stop(3*sec), left(4*sec, 1)), want: check.Pass},
		{name: "ack swallowed by a fault", events: forgets(with(Swallowed, acked(4*ms, 1)), stop(3*sec), left(4*sec, 1)), want: check.Pass},
		{name: "ack made by a fault", events: forgets(with(Synthetic, acked(4*ms, 1)), stop(3*sec), left(4*sec, 1)), want: check.Fail},
		{name: "delivery doubled by a fault", want: check.Pass, events: [][]Event{
			done(1*ms, 1), with(Synthetic, delivered(2*ms, 1)), loadEnd, stop(3 * sec), left(4*sec, 1)}},
		{name: "no effect", want: check.Pass, events: [][]Event{
			done(1*ms, 1), sent(2*ms, 2), delivered(3*ms, 2), loadEnd, stop(3 * sec), left(4*sec, 1)}},
		{name: "nothing came back", says: "of 2 delivered", events: forgets(stop(3*sec), left(4*sec, 0)), want: check.Pass},
		{name: "connection lost before the load's end", want: check.Pass, events: [][]Event{
			sent(1*ms, 1), delivered(2*ms, 1), effect(3*ms, 1), stop(2 * sec), one(Event{At: 3 * sec, Kind: LoadEnd}), left(4*sec, 1)}},
		{name: "channel lost before the load's end", want: check.Pass, events: [][]Event{
			sent(1*ms, 1), delivered(2*ms, 1), effect(3*ms, 1), closed(2*sec, 406, ""), one(Event{At: 2500 * ms, Kind: LoadEnd}), stop(3 * sec), left(4*sec, 1)}},
		{name: "cut while a fault is on", events: forgets(fault(10*ms, 3500*ms), stop(3*sec), left(4*sec, 1)), want: check.Pass},
		{name: "stopped right after the heal", events: forgets(fault(10*ms, 2500*ms), stop(3*sec), left(4*sec, 1)), want: check.Pass},
		{name: "long after the heal", events: forgets(fault(10*ms, 1900*ms), stop(3*sec), left(4*sec, 1)), want: check.Fail},
		{name: "delivered again and acked", want: check.Pass, events: forgets(
			stop(2*sec), again(2100*ms, 1), one(Event{At: 2200 * ms, Kind: Ack, Conn: 9, Chan: 1, Tag: 1}), left(4*sec, 1))},
		{name: "delivered again, perhaps at work on it", want: check.Pass, events: forgets(
			stop(2*sec), again(2100*ms, 1), one(Event{At: 3500 * ms, Kind: ConnClose, Conn: 9}), left(4*sec, 1))},
		{name: "delivered again, reported again, forgotten again", want: check.Fail, says: "effect at 2.200s", events: forgets(
			stop(2*sec), again(2100*ms, 1), with(Replay, effect(2200*ms, 1)), one(Event{At: 3500 * ms, Kind: ConnClose, Conn: 9}), left(4*sec, 1))},
		{name: "the effect was answered with an error", want: check.Pass, events: [][]Event{
			done(5*ms, 2), sent(1*ms, 1), delivered(2*ms, 1), with(Refused|Accepted, effect(3*ms, 1)), loadEnd, stop(3 * sec), left(4*sec, 1)}},
		{name: "and then with success", want: check.Fail, says: "effect at 0.500s", events: [][]Event{
			done(5*ms, 2), sent(1*ms, 1), delivered(2*ms, 1), with(Refused|Accepted, effect(3*ms, 1)), with(Replay, effect(500*ms, 1)),
			loadEnd, stop(3 * sec), left(4*sec, 1)}},
		{name: "of another's connection", want: check.Pass, events: [][]Event{
			done(1*ms, 1), one(Event{At: 1 * ms, Kind: ConnOpen, Conn: 9, Who: "other"}),
			one(Event{At: 6 * ms, Kind: Deliver, Conn: 9, Chan: 1, Tag: 1, Msg: 1}), loadEnd, left(4*sec, 1)}},
		{name: "target not stopped", want: check.Unknown, says: "still held 1 message", events: forgets(left(4*sec, 0))},
		{name: "stopped only after the look", want: check.Unknown, says: "it was not stopped before", events: forgets(left(3*sec, 1), stop(4*sec))},
		{name: "nothing delivered", events: [][]Event{sent(1*ms, 1)}, want: check.Unknown, says: "nothing was delivered"},
		{name: "nobody looked", bare: true, want: check.Unknown, says: "nobody looked", events: [][]Event{
			one(Event{Kind: Begin}), one(Event{Kind: ConnOpen, Conn: target, Who: "consumer/0"}), done(1*ms, 1)}},
	})
}
