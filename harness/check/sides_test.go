package check_test

import (
	"slices"
	"testing"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/check"
	. "github.com/comeback-chaos/xk6-comeback/harness/history" //nolint:revive // see row_test.go
)

// alert is a notice at the alert sink.
func alert(at time.Duration, f Flags) []Event {
	return one(Event{At: at, Kind: Alert, Who: "AI process is down", Text: "exit 137", Flags: f})
}

// cutShort is a run without an end.
func cutShort(events ...Event) []Event { return append([]Event{{Kind: Begin}}, events...) }

func TestAlerts(t *testing.T) {
	t.Parallel()
	atLeastOne := Expect{Alerts: &Range{Min: 1, Max: 2}}
	judgeRows(t, "alerts", all, []row{
		{name: "none allowed, none there", want: check.Pass},
		{name: "none allowed", events: [][]Event{alert(5*ms, 0)}, want: check.Fail, says: "0.005s: AI process is down: exit 137"},
		{name: "within", expect: atLeastOne, events: [][]Event{alert(5*ms, 0), alert(6*ms, 0)}, want: check.Pass},
		{name: "too few", expect: atLeastOne, want: check.Fail, says: "0 alerts, wanted at least 1"},
		{name: "an all-clear is no alert", expect: atLeastOne, events: [][]Event{alert(5*ms, AllClear)}, want: check.Fail},
		{name: "too many", expect: atLeastOne, events: [][]Event{alert(5*ms, 0), alert(6*ms, 0), alert(7*ms, 0)}, want: check.Fail, says: "3 alerts"},
		{name: "too few so far", expect: atLeastOne, bare: true, events: [][]Event{cutShort()}, want: check.Unknown},
		{name: "no run", bare: true, want: check.Unknown},
	})
}

func TestAllClears(t *testing.T) {
	t.Parallel()
	expect := Expect{AllClears: &Range{Min: 0, Max: 1}}
	judgeRows(t, "all-clears", all, []row{
		{name: "none for none", want: check.Pass},
		{name: "one for one", events: [][]Event{alert(5*ms, 0), alert(6*ms, AllClear)}, want: check.Pass},
		{name: "missing", events: [][]Event{alert(5*ms, 0)}, want: check.Fail, says: "0 all-clears, wanted at least 1"},
		{name: "without an alert", events: [][]Event{alert(6*ms, AllClear)}, want: check.Fail},
		{name: "stated", expect: expect, events: [][]Event{alert(5*ms, 0)}, want: check.Pass},
		{name: "more than stated", expect: expect, events: [][]Event{alert(5*ms, AllClear), alert(6*ms, AllClear)}, want: check.Fail},
		{name: "missing so far", bare: true, events: [][]Event{cutShort(alert(5*ms, 0)...)}, want: check.Unknown},
	})
}

func TestHooks(t *testing.T) {
	t.Parallel()
	call := func(hook, args string) []Event {
		return one(Event{At: 5 * ms, Kind: HookCall, Who: hook, N: 99, Text: args})
	}
	terminate := `["ec2","terminate-instances","--instance-ids","i-1","--region","eu-1"]`
	expect := Expect{Hooks: map[string]Calls{
		"terminate": {Range: Range{Min: 1, Max: 2}, Args: []string{"ec2", "terminate-instances", "--instance-ids", "*", "--region", "eu-1"}},
		"restart":   {Range: Range{Max: 3}},
	}}
	judgeRows(t, "hooks", all, []row{
		{name: "none listed, none called", want: check.Pass},
		{name: "not listed", events: [][]Event{call("restart", "[]")}, want: check.Fail, says: "hook restart was called 1 time, wanted at most 0"},
		{name: "as wanted", expect: expect, events: [][]Event{call("terminate", terminate), call("restart", `["now"]`)}, want: check.Pass, says: "2 hook calls"},
		{name: "too few", expect: expect, want: check.Fail, says: "terminate was called 0 times, wanted at least 1"},
		{name: "too many", expect: expect, events: [][]Event{call("terminate", terminate), call("terminate", terminate), call("terminate", terminate)}, want: check.Fail},
		{name: "other arguments", expect: expect, events: [][]Event{call("terminate", `["ec2"]`)}, want: check.Fail, says: `called with ["ec2"]`},
		{name: "unreadable arguments", expect: expect, events: [][]Event{call("terminate", `{`)}, want: check.Fail},
		{name: "too few so far", expect: expect, bare: true, events: [][]Event{cutShort()}, want: check.Unknown},
		{name: "no run", bare: true, want: check.Unknown},
	})
}

func TestProbes(t *testing.T) {
	t.Parallel()
	ready := func(f Flags) []Event { return one(Event{At: 2 * ms, Kind: Probe, Who: "readyz", Flags: f}) }
	judgeRows(t, "probes", check.Fail, []row{
		{name: "answered", events: [][]Event{depth(1*ms, 0, 1), ready(0)}, want: check.Pass, says: "2 probes answered 2 times"},
		{name: "answered at times", events: [][]Event{with(Failed, depth(1*ms, 0, 1)), depth(2*ms, 0, 1)}, want: check.Pass, says: "1 times not"},
		{name: "one never answered", events: [][]Event{depth(1*ms, 0, 1), ready(Failed)}, want: check.Unknown, says: "probe readyz never answered in 1 try"},
		{name: "none", want: check.Unknown},
	})
}

func TestScript(t *testing.T) {
	t.Parallel()
	judgeRows(t, "script", check.Fail, []row{
		{name: "threw nothing", want: check.Pass},
		{name: "threw", events: [][]Event{one(Event{At: 3 * ms, Kind: ScriptError, Who: "story", Text: "TypeError"})}, want: check.Unknown,
			says: "first in story at 0.003s: TypeError"},
		{name: "no run", bare: true, want: check.Unknown},
	})
}

func TestTargetExit(t *testing.T) {
	t.Parallel()
	exit := func(who string, f Flags) []Event {
		return one(Event{At: 3 * ms, Kind: ProcExit, Who: who, N: 7, Code: 137, Text: "SIGKILL", Flags: f})
	}
	judgeRows(t, "target-exit", all, []row{
		{name: "lives", want: check.Pass},
		{name: "ended by the lab", events: [][]Event{exit("consumer/0", Expected)}, want: check.Pass},
		{name: "ended by itself", events: [][]Event{exit("consumer/0", 0)}, want: check.Fail, says: "0.003s: consumer/0 (pid 7) ended with code 137 SIGKILL"},
		{name: "another process", events: [][]Event{exit("aiworker", 0), exit("consumer-of-others", 0)}, want: check.Pass},
		{name: "never started", bare: true, events: [][]Event{cutShort()}, want: check.Unknown},
	})
}

func TestLoadReached(t *testing.T) {
	t.Parallel()
	var hundred []Event
	for n := 1; n <= 100; n++ {
		hundred = append(hundred, done(time.Duration(n)*ms, n)...)
	}
	want := func(rate float64) func(*Meta) {
		return func(m *Meta) { m.Rate, m.Duration = rate, time.Second }
	}
	dropped := func(n int64) []Event { return one(Event{At: 500 * ms, Kind: LoadEnd, N: n}) }
	judgeRows(t, "load-reached", check.Fail, []row{
		{name: "all", meta: want(100), events: [][]Event{hundred}, want: check.Pass, says: "100 of 100"},
		{name: "99 %", meta: want(101), events: [][]Event{hundred}, want: check.Pass},
		{name: "a fault's do not count", meta: want(100), want: check.Unknown, says: "90 of 100", events: [][]Event{hundred[:90*len(hundred)/100],
			one(Event{At: 95 * ms, Kind: Offer, Msg: 999, Flags: Extra}), dropped(0)}},
		{name: "less", meta: want(102), events: [][]Event{hundred}, want: check.Unknown, says: "98.0 %"},
		{name: "1 % dropped", meta: want(100), events: [][]Event{hundred, dropped(1)}, want: check.Pass},
		{name: "2 % dropped", meta: want(100), events: [][]Event{hundred, dropped(2)}, want: check.Unknown, says: "2 turned away or dropped"},
		{name: "no load stated", meta: want(0), events: [][]Event{hundred}, want: check.Unknown},
		{name: "no end", bare: true, events: [][]Event{cutShort(Event{Kind: LoadBegin}), hundred}, want: check.Unknown},
	})
}

func TestRan(t *testing.T) {
	t.Parallel()
	whole := frame(done(1*ms, 1))
	rows := []row{
		{name: "whole", bare: true, events: [][]Event{whole}, want: check.Pass, says: "1 effect"},
		{name: "no effect", want: check.Unknown, says: "no sink saw an effect", events: [][]Event{sent(1*ms, 1)}},
		{name: "nothing", bare: true, want: check.Unknown, says: "no begin, no load-begin, no load-end, no end"},
	}
	for _, kind := range []Kind{Begin, LoadBegin, LoadEnd, End} {
		rows = append(rows, row{name: "no " + kind.String(), bare: true, events: [][]Event{without(kind, whole)},
			want: check.Unknown, says: "no " + kind.String()})
	}
	judgeRows(t, "ran", check.Fail, slices.Clip(rows))
}
