package check_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/harness/check"
	. "github.com/comeback-chaos/xk6-comeback/harness/history" //nolint:revive // see row_test.go
)

func TestNoLoss(t *testing.T) {
	t.Parallel()
	lose := func(at int) [][]Event {
		return [][]Event{done(1*ms, 1), sent(5*ms, at), delivered(6*ms, at), acked(7*ms, at)}
	}
	judgeRows(t, "no-loss", all, []row{
		{name: "all done", events: [][]Event{done(1*ms, 1), done(5*ms, 2)}, want: check.Pass, says: "2 of 2"},
		{name: "acked without effect", events: lose(2), want: check.Fail, says: "1 acked without"},
		{name: "and named", events: lose(2), want: check.Fail, says: "m2: offered at 0.005s, confirmed, acked by the target"},
		{name: "acked, but delivered again", want: check.Fail, says: "m2: offered at 0.005s, confirmed, not acked by the target", events: append(lose(2),
			with(Redelivered, one(Event{At: 9 * ms, Kind: Deliver, Conn: target, Chan: 1, Tag: 3, Msg: 2})))},
		{name: "within the budget", expect: Expect{Lost: 1}, want: check.Pass, says: "1 lost, budget 1", events: [][]Event{done(1*ms, 1), sent(5*ms, 2)}},
		{name: "over the budget", expect: Expect{Lost: 1}, want: check.Fail, says: "budget 1", events: [][]Event{done(1*ms, 1), sent(5*ms, 2), sent(6*ms, 3)}},
		{name: "no budget for what was delivered", expect: Expect{Lost: 1}, events: lose(2), want: check.Fail, says: "1 had been delivered"},
		{name: "nor if it was handed back", expect: Expect{Lost: 1}, want: check.Fail, says: "1 had been delivered", events: [][]Event{
			done(1*ms, 1), sent(5*ms, 2), delivered(6*ms, 2)}},
		{name: "dead-lettered", want: check.Fail, says: "1 dead-lettered", events: [][]Event{
			done(1*ms, 1), sent(5*ms, 2), one(Event{At: 9 * ms, Kind: DeadLetter, Msg: 2})}},
		{name: "left over", want: check.Fail, says: "1 left in queues", events: [][]Event{
			done(1*ms, 1), sent(5*ms, 2), one(Event{At: 9 * ms, Kind: Leftover, Who: "jobs", N: 1})}},
		{name: "unconfirmed is not lost", events: [][]Event{done(1*ms, 1), unconfirmed(5*ms, 2)}, want: check.Pass, says: "1 unknown"},
		{name: "confirm dropped by a fault", want: check.Pass, says: "1 unknown", events: [][]Event{
			done(1*ms, 1), unconfirmed(5*ms, 2), with(Swallowed, sent(5*ms, 2)[2:])}},
		{name: "confirm made up by a fault", want: check.Pass, says: "1 unknown", events: [][]Event{
			done(1*ms, 1), unconfirmed(5*ms, 2), with(Synthetic, sent(5*ms, 2)[2:])}},
		{name: "refused is not lost", want: check.Pass, says: "1 of 1", events: [][]Event{
			done(1*ms, 1), unconfirmed(5*ms, 2), one(Event{At: 6 * ms, Kind: Refuse, Conn: load, Chan: 1, Tag: 2})}},
		{name: "returned is not lost", want: check.Pass, says: "1 of 1", events: [][]Event{
			done(1*ms, 1), one(Event{At: 6 * ms, Kind: Return, Conn: load, Chan: 1, Msg: 2}), sent(5*ms, 2)}},
		{name: "multiple confirm", want: check.Fail, says: "2 of 3 confirmed", events: [][]Event{
			unconfirmed(1*ms, 1), unconfirmed(2*ms, 2), unconfirmed(3*ms, 3), effect(4*ms, 1),
			with(Multiple, one(Event{At: 4 * ms, Kind: Confirm, Conn: load, Chan: 1, Tag: 3}))}},
		{name: "refused effect is none", want: check.Fail, says: "1 of 1 confirmed", events: [][]Event{
			sent(1*ms, 1), with(Refused, effect(2*ms, 1))}},
		{name: "accepted and then refused is one", want: check.Pass, events: [][]Event{
			sent(1*ms, 1), with(Refused|Accepted, effect(2*ms, 1))}},
		{name: "message id that is no number", want: check.Fail, says: "#", events: [][]Event{
			done(1*ms, 1), one(Event{At: 1 * ms, Kind: Publish, Conn: load, Chan: 1, Tag: 9, Msg: ParseMsgID([]byte("order-9"))}),
			one(Event{At: 2 * ms, Kind: Confirm, Conn: load, Chan: 1, Tag: 9})}},
		{name: "nothing confirmed", events: [][]Event{unconfirmed(1*ms, 1)}, want: check.Unknown, says: "no message was confirmed"},
		{name: "nothing at all", bare: true, want: check.Unknown},
		{name: "cut short", bare: true, want: check.Unknown, says: "ends before the run did", events: [][]Event{
			one(Event{Kind: Begin}), one(Event{Kind: ConnOpen, Conn: load, Who: "load"}), sent(1*ms, 1)}},
	})
}

func TestDeadLetters(t *testing.T) {
	t.Parallel()
	doomed := func(n int) []Event { e := sent(5*ms, n); e[0].Flags = Doomed; return e }
	buried := func(n int) []Event { return one(Event{At: 9 * ms, Kind: DeadLetter, Msg: MsgID(n)}) }
	looked := one(Event{At: 9 * ms, Kind: Probe, Who: DeadProbe})
	judgeRows(t, "dead-letters", all, []row{
		{name: "buried", want: check.Pass, says: "all of 1 message", events: [][]Event{done(1*ms, 1), doomed(2), buried(2)}},
		{name: "buried, without a message-id", want: check.Pass, says: "all of 1 message", events: [][]Event{
			done(1*ms, 1), {{At: 5 * ms, Kind: Offer, Msg: 2, Flags: Doomed}, {At: 5 * ms, Kind: Publish, Conn: load, Chan: 1, Tag: 2}, {At: 6 * ms, Kind: Confirm, Conn: load, Chan: 1, Tag: 2}}, buried(2)}},
		{name: "buried twice", want: check.Fail, says: "m2: offered at 0.005s, 2 times in", events: [][]Event{done(1*ms, 1), doomed(2), buried(2), buried(2)}},
		{name: "thrown away", want: check.Fail, says: "m2: offered at 0.005s, not in", events: [][]Event{done(1*ms, 1), doomed(2), delivered(6*ms, 2), acked(7*ms, 2), looked}},
		{name: "nobody looked", want: check.Unknown, says: "nobody could look", events: [][]Event{done(1*ms, 1), doomed(2), with(Failed, looked)}},
		{name: "never confirmed", want: check.Unknown, says: "1 message that had to be dead-lettered were never confirmed", events: [][]Event{done(1*ms, 1), doomed(2)[:2], looked}},
		{name: "refused by the broker", want: check.Pass, says: "all of 1 message", events: [][]Event{done(1*ms, 1), doomed(2), buried(2),
			doomed(3)[:2], one(Event{At: 6 * ms, Kind: Refuse, Conn: load, Chan: 1, Tag: 3}), looked}},
		{name: "done", want: check.Fail, says: "m2: offered at 0.005s, effect at 0.008s", events: [][]Event{done(1*ms, 1), doomed(2), effect(8*ms, 2), buried(2)}},
		{name: "cut short", bare: true, want: check.Unknown, events: [][]Event{
			one(Event{Kind: Begin}), one(Event{Kind: ConnOpen, Conn: load, Who: "load"}), doomed(2)}},
	})
	j := row{events: [][]Event{done(1*ms, 1), doomed(2), buried(2)}}.judge()
	for _, r := range j.Results {
		if r.Check == "no-loss" {
			require.Equal(t, check.Pass, r.Verdict, r.Reason)
		}
	}
	require.EqualValues(t, 0, j.Ledger.Total.Lost)
}

func TestDuplicates(t *testing.T) {
	t.Parallel()
	twice := [][]Event{done(1*ms, 1), effect(9*ms, 1)}
	judgeRows(t, "duplicates", all, []row{
		{name: "one effect each", events: [][]Event{done(1*ms, 1), done(2*ms, 2)}, want: check.Pass},
		{name: "two effects", events: twice, want: check.Fail, says: "m1: first effect at 0.003s, another at 0.009s (api)"},
		{name: "three count once", events: append(twice, effect(10*ms, 1)), want: check.Fail, says: "1 of 1 messages"},
		{name: "within the budget", expect: Expect{Duplicates: 1}, events: twice, want: check.Pass},
		{name: "replay is none", events: [][]Event{done(1*ms, 1), with(Replay, effect(9*ms, 1))}, want: check.Pass},
		{name: "refused is none", events: [][]Event{done(1*ms, 1), with(Refused, effect(9*ms, 1))}, want: check.Pass},
		{name: "accepted but answered an error", want: check.Fail, events: [][]Event{
			sent(1*ms, 1), with(Refused|Accepted, effect(2*ms, 1)), effect(3*ms, 1)}},
		{name: "redelivered and done once", want: check.Pass, says: "1 redelivery", events: [][]Event{
			done(1*ms, 1), with(Redelivered, one(Event{At: 9 * ms, Kind: Deliver, Conn: target, Chan: 1, Tag: 2, Msg: 1}))}},
		{name: "redelivered very often", want: check.Pass, says: "300 redeliveries", events: [][]Event{
			done(1*ms, 1), slices.Repeat(with(Redelivered, delivered(9*ms, 1)), 300)}},
		{name: "no effect", events: [][]Event{sent(1*ms, 1)}, want: check.Unknown},
	})
}

func TestUnexpected(t *testing.T) {
	t.Parallel()
	// It is never unknown: that there is nothing is the right answer.
	judgeRows(t, "unexpected", check.Unknown, []row{
		{name: "offered", events: [][]Event{done(1*ms, 1)}, want: check.Pass},
		{name: "nothing", bare: true, want: check.Pass},
		{name: "published and not offered by the script", events: [][]Event{sent(1*ms, 1)[1:], effect(2*ms, 1)}, want: check.Pass},
		{name: "unconfirmed and shows up", events: [][]Event{unconfirmed(1*ms, 1), effect(2*ms, 1)}, want: check.Pass},
		{name: "never offered", events: [][]Event{done(1*ms, 1), effect(2*ms, 7)}, want: check.Fail, says: "m7 at api: effect at 0.002s"},
		{name: "no message at all", events: [][]Event{done(1*ms, 1), effect(2*ms, 0)}, want: check.Fail, says: "1 of 2 effects"},
		{name: "replay", events: [][]Event{done(1*ms, 1), with(Replay, effect(2*ms, 7))}, want: check.Pass},
	})
}

func TestWholeResults(t *testing.T) {
	t.Parallel()
	broken := with(Refused|Broken, one(Event{At: 4 * ms, Kind: Effect, Msg: 1, Code: 422, Who: "api"}))
	judgeRows(t, "whole-results", all, []row{
		{name: "all whole", events: [][]Event{done(1*ms, 1), done(5*ms, 2)}, want: check.Pass, says: "every one of 2 reports"},
		{name: "one is no image", events: [][]Event{done(1*ms, 1), broken}, want: check.Fail, says: "1 report of 2"},
		{name: "and named", events: [][]Event{done(1*ms, 1), broken}, want: check.Fail, says: "api refused a report of m1 with 422"},
		{name: "refused for another reason", want: check.Pass, says: "2 reports", events: [][]Event{
			done(1*ms, 1), with(Refused, effect(5*ms, 2))}},
		{name: "a replay is a report", events: [][]Event{done(1*ms, 1), with(Replay, effect(5*ms, 1))}, want: check.Pass, says: "2 reports"},
		{name: "nothing reported", events: [][]Event{sent(1*ms, 1), delivered(2*ms, 1)}, want: check.Unknown, says: "reported nothing, of 1 deliver"},
	})
}
