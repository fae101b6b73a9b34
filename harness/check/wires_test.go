package check_test

import (
	"testing"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/check"
	. "github.com/comeback-chaos/xk6-comeback/harness/history" //nolint:revive // see row_test.go
)

// on is an event of the target's connection on a channel.
func on(at time.Duration, kind Kind, ch uint16, tag uint64, f Flags) []Event {
	return one(Event{At: at, Kind: kind, Conn: target, Chan: ch, Tag: tag, Flags: f})
}

// closed is a close by the broker of the target's channel 1.
func closed(at time.Duration, code int32, text string) []Event {
	return one(Event{At: at, Kind: ChanClose, Conn: target, Chan: 1, Code: code, Text: text, N: 60<<16 | 80, Flags: FromBroker})
}

func TestSettle(t *testing.T) {
	t.Parallel()
	judgeRows(t, "settle", all, []row{
		{name: "each once", events: [][]Event{done(1*ms, 1), done(5*ms, 2)}, want: check.Pass, says: "2 settlements"},
		{name: "tag 0 rejected", events: [][]Event{done(1*ms, 1), on(9*ms, Reject, 1, 0, 0)}, want: check.Fail,
			says: "0.009s: reject of tag 0 by consumer/0 on connection 2 channel 1, never delivered there"},
		{name: "twice", events: [][]Event{done(1*ms, 1), acked(9*ms, 1)}, want: check.Fail, says: "settled already"},
		{name: "never delivered", events: [][]Event{done(1*ms, 1), acked(9*ms, 99)}, want: check.Fail, says: "never delivered"},
		{name: "on another channel", want: check.Fail, says: "channel 2, never delivered there", events: [][]Event{
			sent(1*ms, 1), delivered(2*ms, 1), effect(3*ms, 1), on(4*ms, Ack, 2, 1, 0)}},
		{name: "stale tag on a new channel", want: check.Fail, says: "never delivered there", events: [][]Event{
			sent(1*ms, 1), delivered(2*ms, 1), closed(3*ms, 406, ""), on(4*ms, ChanOpen, 1, 0, 0), acked(5*ms, 1)}},
		{name: "stale tag before the close was seen", want: check.Pass, events: [][]Event{
			sent(1*ms, 1), delivered(2*ms, 1), closed(3*ms, 406, ""), acked(4*ms, 1)}},
		{name: "multiple", want: check.Pass, events: [][]Event{
			delivered(1*ms, 1), delivered(2*ms, 2), delivered(3*ms, 3), on(4*ms, Ack, 1, 2, Multiple), on(5*ms, Nack, 1, 3, Multiple|Requeue)}},
		{name: "multiple covers what is settled again", want: check.Fail, says: "settled already", events: [][]Event{
			delivered(1*ms, 1), delivered(2*ms, 2), on(4*ms, Ack, 1, 2, Multiple), acked(5*ms, 1)}},
		{name: "multiple beyond what was delivered", want: check.Fail, says: "tag 999", events: [][]Event{
			delivered(1*ms, 1), on(4*ms, Ack, 1, 999, Multiple)}},
		{name: "all at once", events: [][]Event{delivered(1*ms, 1), on(4*ms, Ack, 1, 0, Multiple)}, want: check.Pass},
		{name: "swallowed settlement is the target's", want: check.Fail, says: "settled already", events: [][]Event{
			delivered(1*ms, 1), with(Swallowed, acked(2*ms, 1)), acked(3*ms, 1)}},
		{name: "made by a fault", events: [][]Event{done(1*ms, 1), on(9*ms, Reject, 1, 0, Synthetic)}, want: check.Pass},
		{name: "delivery doubled by a fault", want: check.Pass, events: [][]Event{
			delivered(1*ms, 1), with(Synthetic, delivered(2*ms, 1)), acked(3*ms, 1), acked(4*ms, 1)}},
		{name: "delivery dropped by a fault", want: check.Fail, says: "never delivered", events: [][]Event{
			done(1*ms, 1), with(Swallowed, delivered(5*ms, 2)), acked(6*ms, 2)}},
		{name: "by the load is not judged", want: check.Pass, events: [][]Event{
			done(1*ms, 1), one(Event{At: 2 * ms, Kind: Ack, Conn: load, Chan: 1, Tag: 5})}},
		{name: "by another's connection is not judged", want: check.Pass, events: [][]Event{
			done(1*ms, 1), one(Event{At: 2 * ms, Kind: ConnOpen, Conn: 9, Who: "consumers-of-others"}),
			one(Event{At: 3 * ms, Kind: Ack, Conn: 9, Chan: 1, Tag: 5})}},
		{name: "nothing delivered", events: [][]Event{sent(1*ms, 1)}, want: check.Unknown},
	})
}

func TestAckAfterReport(t *testing.T) {
	t.Parallel()
	early := [][]Event{sent(1*ms, 1), delivered(2*ms, 1), acked(3*ms, 1), effect(4*ms, 1)}
	copied := func(at time.Duration) []Event {
		return one(Event{At: at, Kind: Publish, Conn: target, Chan: 2, Tag: 1, Msg: 1, Who: "jobs.retry"})
	}
	judgeRows(t, "ack-after-report", all, []row{
		{name: "report, then ack", events: [][]Event{done(1*ms, 1)}, want: check.Pass},
		{name: "ack, then report", events: early, want: check.Fail, says: "0.003s: m1 acked by consumer/0 (connection 2 channel 1 tag 1)"},
		{name: "ack without report", events: early[:3], want: check.Fail},
		{name: "refused report, then ack", want: check.Fail, events: [][]Event{
			sent(1*ms, 1), delivered(2*ms, 1), with(Refused, effect(3*ms, 1)), acked(4*ms, 1)}},
		{name: "swallowed ack is the target's", want: check.Fail, events: [][]Event{
			sent(1*ms, 1), delivered(2*ms, 1), with(Swallowed, acked(3*ms, 1)), effect(4*ms, 1)}},
		{name: "ack made by a fault", want: check.Pass, events: [][]Event{
			sent(1*ms, 1), delivered(2*ms, 1), with(Synthetic, acked(3*ms, 1)), effect(4*ms, 1), acked(5*ms, 1)}},
		{name: "multiple ack runs ahead", want: check.Fail, says: "m1 acked", events: [][]Event{
			sent(1*ms, 1), delivered(2*ms, 1), sent(2*ms, 2), delivered(3*ms, 2), effect(4*ms, 2), on(5*ms, Ack, 1, 2, Multiple)}},
		{name: "nack to try again", want: check.Pass, events: [][]Event{
			sent(1*ms, 1), delivered(2*ms, 1), on(3*ms, Nack, 1, 1, Requeue)}},
		{name: "a copy, then ack", events: [][]Event{sent(1*ms, 1), delivered(2*ms, 1), copied(3 * ms), acked(4*ms, 1)}, want: check.Pass},
		{name: "ack, then a copy", events: [][]Event{sent(1*ms, 1), delivered(2*ms, 1), acked(3*ms, 1), copied(4 * ms)}, want: check.Fail},
		{name: "one copy for two acks", want: check.Fail, says: "tag 2", events: [][]Event{
			sent(1*ms, 1), delivered(2*ms, 1), copied(3 * ms), acked(4*ms, 1),
			one(Event{At: 5 * ms, Kind: Deliver, Conn: target, Chan: 1, Tag: 2, Msg: 1}), acked(6*ms, 2)}},
		{name: "redelivered after its effect", want: check.Pass, events: [][]Event{
			done(1*ms, 1), one(Event{At: 5 * ms, Kind: Deliver, Conn: target, Chan: 1, Tag: 2, Msg: 1}), acked(6*ms, 2)}},
		{name: "message of nobody", events: [][]Event{delivered(2*ms, 77), acked(3*ms, 77)}, want: check.Pass},
		{name: "nothing settled", events: [][]Event{sent(1*ms, 1), delivered(2*ms, 1)}, want: check.Unknown},
	})
}

func TestProtocol(t *testing.T) {
	t.Parallel()
	connClosed := func(at time.Duration, code int32, f Flags) []Event {
		return one(Event{At: at, Kind: ConnClose, Conn: target, Code: code, Text: "closed", Flags: f})
	}
	unknownTag := "PRECONDITION_FAILED - unknown delivery tag 0"
	tooLate := "PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out. Timeout value used: 500 ms"
	judgeRows(t, "protocol", all, []row{
		{name: "no close", events: [][]Event{done(1*ms, 1)}, want: check.Pass},
		{name: "unknown tag", events: [][]Event{done(1*ms, 1), closed(9*ms, 406, unknownTag)}, want: check.Fail,
			says: "0.009s: connection 2 channel 1 (class 60 method 80) of consumer/0: 406 PRECONDITION_FAILED"},
		{name: "connection closed with 504", events: [][]Event{connClosed(9*ms, 504, FromBroker)}, want: check.Fail, says: "504"},
		{name: "closed by the client itself", events: [][]Event{connClosed(9*ms, 504, 0)}, want: check.Pass},
		{name: "closed in order", events: [][]Event{connClosed(9*ms, 200, 0)}, want: check.Pass},
		{name: "broker goes down", events: [][]Event{connClosed(9*ms, 320, FromBroker)}, want: check.Pass},
		{name: "broker's own error", events: [][]Event{connClosed(9*ms, 541, FromBroker)}, want: check.Pass},
		{name: "end of file", events: [][]Event{connClosed(9*ms, 0, FromBroker)}, want: check.Pass},
		{name: "broker starts", events: [][]Event{closed(9*ms, 404, "NOT_FOUND - queue 'jobs' in vhost '/' process is stopped by supervisor")}, want: check.Pass},
		{name: "made by a fault", events: [][]Event{with(Synthetic, closed(9*ms, 406, unknownTag))}, want: check.Pass},
		{name: "follows from a fault", want: check.Pass, events: [][]Event{
			with(Synthetic, closed(9*ms, 406, unknownTag)), connClosed(10*ms, 504, FromBroker)}},
		{name: "follows from a frame a fault made", events: [][]Event{on(1*ms, Reject, 1, 0, Synthetic), closed(2*ms, 406, unknownTag)}, want: check.Pass},
		{name: "ack timed out since a fault dropped it", want: check.Pass, events: [][]Event{
			delivered(1*ms, 1), with(Swallowed, acked(2*ms, 1)), closed(9*ms, 406, "delivery acknowledgement on channel 1 timed out")}},
		{name: "unsettled for too long", events: [][]Event{delivered(1*ms, 1), closed(9*ms, 406, tooLate)}, want: check.Fail},
		{name: "too long for what a fault allows", events: [][]Event{
			one(Event{At: 1 * ms, Kind: Inject, N: 1, Who: "consumerTimeout"}), closed(2*ms, 406, tooLate),
			one(Event{At: 3 * ms, Kind: Heal, N: 1, Who: "consumerTimeout"})}, want: check.Pass},
		{name: "after that fault", events: [][]Event{
			one(Event{At: 1 * ms, Kind: Inject, N: 1, Who: "consumerTimeout"}), one(Event{At: 3 * ms, Kind: Heal, N: 1, Who: "consumerTimeout"}),
			closed(4*ms, 406, tooLate)}, want: check.Fail},
		{name: "another 406 under that fault", events: [][]Event{
			one(Event{At: 1 * ms, Kind: Inject, N: 1, Who: "consumerTimeout"}), closed(2*ms, 406, unknownTag)}, want: check.Fail},
		{name: "on the next connection it is the target's", want: check.Fail, events: [][]Event{
			with(Synthetic, closed(1*ms, 406, unknownTag)), connClosed(2*ms, 0, 0),
			one(Event{At: 3 * ms, Kind: ConnOpen, Conn: target, Who: "consumer/0"}), closed(4*ms, 406, unknownTag)}},
		{name: "damaged frame", want: check.Pass, events: [][]Event{
			one(Event{At: 1 * ms, Kind: Touch, N: 1, Conn: target}), connClosed(2*ms, 501, FromBroker)}},
		{name: "touched is no excuse for more", want: check.Fail, events: [][]Event{
			one(Event{At: 1 * ms, Kind: Touch, N: 1, Conn: target}), closed(2*ms, 406, unknownTag)}},
		{name: "of the load", events: [][]Event{one(Event{At: 1 * ms, Kind: ChanClose, Conn: load, Chan: 1, Code: 404, Flags: FromBroker})}, want: check.Pass},
		{name: "another target", meta: func(m *Meta) { m.Target = "proxy" }, want: check.Unknown, says: `"proxy"`},
		{name: "no target named", meta: func(m *Meta) { m.Target = "" }, want: check.Unknown},
	})
}

func TestNoStall(t *testing.T) {
	t.Parallel()
	closeTarget := func(at time.Duration) []Event { return one(Event{At: at, Kind: ConnClose, Conn: target}) }
	stuck := depths(100*ms, 3*sec, 5, 1)
	judgeRows(t, "no-stall", all, []row{
		{name: "moves", events: [][]Event{done(1*ms, 1), depths(100*ms, 3*sec, 0, 1), done(3*sec, 2)}, want: check.Pass},
		{name: "ready messages, nothing moves", events: [][]Event{done(1*ms, 1), stuck}, want: check.Fail, says: "2.90"},
		{name: "and from when to when", events: [][]Event{done(1*ms, 1), stuck}, want: check.Fail, says: "standstill from 0.100s to 3.003s"},
		{name: "limit of the scenario", expect: Expect{Stall: 4 * sec}, events: [][]Event{done(1*ms, 1), stuck}, want: check.Pass},
		{name: "shorter limit", expect: Expect{Stall: 500 * ms}, want: check.Fail, events: [][]Event{
			done(1*ms, 1), depths(100*ms, 900*ms, 5, 1), done(sec, 2)}},
		{name: "moves now and then", want: check.Pass, says: "longest standstill was 1.", events: [][]Event{
			done(1*ms, 1), stuck, done(1500*ms, 2)}},
		{name: "stopped silently, still connected", want: check.Fail, events: [][]Event{
			done(1*ms, 1), on(50*ms, Cancel, 1, 0, 0), depths(100*ms, 3*sec, 5, 0)}},
		{name: "not connected", want: check.Pass, events: [][]Event{
			done(1*ms, 1), closeTarget(50 * ms), depths(100*ms, 3*sec, 5, 0)}},
		{name: "while the fault is on", want: check.Pass, events: [][]Event{
			done(1*ms, 1), fault(50*ms, 2900*ms), stuck, done(2950*ms, 2)}},
		{name: "after the heal", want: check.Fail, says: "standstill from 0.100s", events: [][]Event{
			done(1*ms, 1), fault(20*ms, 50*ms), stuck}},
		{name: "ready in another queue", want: check.Pass, events: [][]Event{
			done(1*ms, 1), depths(100*ms, 3*sec, 0, 1), one(Event{At: 200 * ms, Kind: Depth, Who: "jobs.dead", N: 9}), done(3*sec, 2)}},
		{name: "left behind, no probe saw it", want: check.Fail, says: "4 messages left in queues, 1 confirmed ones without effect", events: [][]Event{
			done(1*ms, 1), sent(2*ms, 2), depths(10*ms, 10*ms, 0, 1), one(Event{At: 3 * sec, Kind: Leftover, Who: "jobs", N: 4})}},
		{name: "left behind by one that was gone", want: check.Pass, events: [][]Event{
			done(1*ms, 1), sent(2*ms, 2), depths(10*ms, 10*ms, 0, 1), closeTarget(20 * ms), one(Event{At: 3 * sec, Kind: Leftover, Who: "jobs", N: 4})}},
		{name: "left behind by a fault that is still on", want: check.Pass, events: [][]Event{
			done(1*ms, 1), sent(2*ms, 2), depths(10*ms, 10*ms, 0, 1), without(Heal, fault(20*ms, 30*ms)),
			one(Event{At: 3 * sec, Kind: Leftover, Who: "jobs", N: 4})}},
		{name: "left behind only since the fault ended", want: check.Pass, events: [][]Event{
			done(1*ms, 1), sent(2*ms, 2), depths(10*ms, 10*ms, 0, 1), fault(20*ms, 2900*ms),
			one(Event{At: 3 * sec, Kind: Leftover, Who: "jobs", N: 4})}},
		{name: "gone, and no probe since", want: check.Pass, events: [][]Event{
			done(1*ms, 1), depth(100*ms, 5, 1), closeTarget(150 * ms), one(Event{At: 3 * sec, Kind: Mark})}},
		{name: "another instance that never consumed", want: check.Pass, events: [][]Event{
			done(1*ms, 1), closeTarget(50 * ms), one(Event{At: 60 * ms, Kind: ConnOpen, Conn: 5, Who: "consumer/1"}),
			depths(100*ms, 3*sec, 5, 0)}},
		{name: "one fault healed twice, another still on", want: check.Pass, events: [][]Event{
			done(1*ms, 1), depths(2*ms, 2*ms, 0, 1), fault(20*ms, 50*ms), one(Event{At: 60 * ms, Kind: Heal, N: 1}),
			one(Event{At: 30 * ms, Kind: Inject, N: 2, Who: "other"}), depths(100*ms, 3*sec, 5, 1)}},
		{name: "no probe answered", want: check.Unknown, says: "depth", events: [][]Event{
			done(1*ms, 1), with(Failed, stuck)}},
		{name: "blind for too long", want: check.Unknown, says: "nothing was seen for 2.9", events: [][]Event{
			done(1*ms, 1), depths(100*ms, 100*ms, 0, 1), done(3*sec, 2)}},
		{name: "probes only while the fault was on", want: check.Unknown, says: "outside of the faults", events: [][]Event{
			done(1*ms, 1), fault(50*ms, 4*sec), depths(100*ms, 3*sec, 0, 1), done(4*sec, 2)}},
		{name: "nothing ever moved", events: [][]Event{depths(1*ms, 1*ms, 0, 1)}, want: check.Unknown},
	})
}

func TestWorksOn(t *testing.T) {
	t.Parallel()
	worksOn, stuck := Expect{WorksOn: true}, depths(100*ms, 3*sec, 5, 1)
	judgeRows(t, "works-on", all, []row{
		{name: "goes on", expect: worksOn, want: check.Pass, says: "longest standstill was 1.", events: [][]Event{
			done(1*ms, 1), fault(50*ms, 3*sec), stuck, done(1500*ms, 2)}},
		{name: "stands still", expect: worksOn, want: check.Fail, says: "under a fault nothing moved for 2.9", events: [][]Event{
			done(1*ms, 1), fault(50*ms, 3*sec), stuck, done(3100*ms, 2)}},
		{name: "goes away", expect: worksOn, want: check.Fail, says: "under a fault nothing moved for 2.", events: [][]Event{
			done(1*ms, 1), fault(50*ms, 3*sec), depths(100*ms, 200*ms, 5, 1), one(Event{At: 250 * ms, Kind: ConnClose, Conn: target, Code: 200}),
			depths(300*ms, 3*sec, 5, 0)}},
		{name: "limit of the scenario", expect: Expect{WorksOn: true, Stall: sec}, want: check.Fail, events: [][]Event{
			done(1*ms, 1), fault(50*ms, 1500*ms), depths(100*ms, 1500*ms, 5, 1), done(1600*ms, 2)}},
		{name: "outside of the fault only", expect: worksOn, want: check.Pass, events: [][]Event{
			done(1*ms, 1), fault(50*ms, 3*sec), depths(100*ms, 1400*ms, 5, 1), done(1500*ms, 2), depths(1510*ms, 2900*ms, 5, 1), done(2950*ms, 3),
			depths(3100*ms, 6*sec, 5, 1)}},
		{name: "one fault in another", expect: worksOn, want: check.Fail, events: [][]Event{
			done(1*ms, 1), fault(50*ms, 3*sec), one(Event{At: 20 * ms, Kind: Inject, N: 2, Who: "slow"}),
			one(Event{At: 500 * ms, Kind: Heal, N: 2, Who: "slow"}), stuck, done(3100*ms, 2)}},
		{name: "nothing waited", expect: worksOn, want: check.Unknown, says: "nothing to go on with", events: [][]Event{
			done(1*ms, 1), fault(50*ms, 3*sec), depths(100*ms, 3*sec, 0, 1)}},
		{name: "too short", expect: worksOn, want: check.Unknown, says: "too short", events: [][]Event{
			done(1*ms, 1), fault(50*ms, sec), depths(100*ms, 900*ms, 5, 1)}},
		{name: "no fault", expect: worksOn, want: check.Unknown, events: [][]Event{done(1*ms, 1), stuck}},
		{name: "no probe answered", expect: worksOn, want: check.Unknown, says: "nothing was seen", events: [][]Event{
			done(1*ms, 1), fault(50*ms, 3*sec), with(Failed, stuck)}},
	})
}
