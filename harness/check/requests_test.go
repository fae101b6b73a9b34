package check_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/harness/check"
	. "github.com/comeback-chaos/xk6-comeback/harness/history" //nolint:revive // see row_test.go
)

func http(m *Meta) { m.HTTP, m.Target = true, "proxy" }

// wanted is request n, and answered its good answer of version 1.
func wanted(at time.Duration, n int, line string) []Event {
	return one(Event{At: at, Kind: Offer, Msg: MsgID(n), Text: line})
}

func answered(at time.Duration, n int) []Event {
	return one(Event{At: at, Kind: Answer, Msg: MsgID(n), Code: 200, Who: "1", Text: "backend/0", Flags: Good})
}

func answer(at time.Duration, n int, code int32, f Flags, text string) []Event {
	return one(Event{At: at, Kind: Answer, Msg: MsgID(n), Code: code, Flags: f, Text: text})
}

func taken(at time.Duration, n int, by string) []Event {
	return one(Event{At: at, Kind: Take, Msg: MsgID(n), Who: by, Text: "POST /orders"})
}

// request is one that all is well with.
func request(at time.Duration, n int) []Event {
	return slices.Concat(wanted(at, n, "GET /"), taken(at+ms, n, "backend/0"), answered(at+2*ms, n))
}

func TestAnswered(t *testing.T) {
	t.Parallel()
	cut := slices.Concat(wanted(5*ms, 2, "GET /"), answer(8*ms, 2, 0, 0, "EOF"))
	judgeRows(t, "answered", all, []row{
		{name: "all", meta: http, events: [][]Event{request(ms, 1)}, want: check.Pass, says: "1 of 1"},
		{name: "badly is answered, too", meta: http, want: check.Pass, says: "2 of 2",
			events: [][]Event{request(ms, 1), wanted(5*ms, 2, "GET /"), answer(6*ms, 2, 500, 0, "")}},
		{name: "cut", meta: http, events: [][]Event{request(ms, 1), cut}, want: check.Fail, says: "m2 at 0.008s: EOF"},
		{name: "within the budget", meta: http, expect: Expect{Unanswered: 1}, events: [][]Event{request(ms, 1), cut}, want: check.Pass},
		{name: "still open", meta: http, events: [][]Event{request(ms, 1), wanted(5*ms, 2, "GET /")}, want: check.Unknown, says: "1 of 2"},
		{name: "none", meta: http, want: check.Unknown},
	})
}

func TestErrors(t *testing.T) {
	t.Parallel()
	bad := slices.Concat(wanted(5*ms, 2, "GET /"), answer(8*ms, 2, 502, 0, "backend/1"))
	judgeRows(t, "errors", all, []row{
		{name: "none", meta: http, events: [][]Event{request(ms, 1)}, want: check.Pass},
		{name: "one", meta: http, events: [][]Event{request(ms, 1), bad}, want: check.Fail, says: "m2 at 0.008s: 502 of backend/1"},
		{name: "within the budget", meta: http, expect: Expect{Errors: 1}, events: [][]Event{request(ms, 1), bad}, want: check.Pass},
		{name: "turned away", meta: http, want: check.Pass, expect: Expect{TurnedAway: &TurnedAway{Range: Range{Max: 1}}},
			events: [][]Event{request(ms, 1), wanted(5*ms, 2, "GET /"), answer(8*ms, 2, 429, Later, "")}},
		{name: "nothing answered", meta: http, events: [][]Event{wanted(ms, 1, "GET /")}, want: check.Unknown},
	})
}

func TestAcknowledged(t *testing.T) {
	t.Parallel()
	order := func(n int) []Event { return wanted(5*ms, n, "POST /orders") }
	gave := func(n int, code int32) []Event {
		return one(Event{At: 7 * ms, Kind: Give, Msg: MsgID(n), Who: "backend/0", Code: code})
	}
	judgeRows(t, "acknowledged", all, []row{
		{name: "done", meta: http, events: [][]Event{order(2), taken(6*ms, 2, "backend/0"), gave(2, 201), answered(8*ms, 2)}, want: check.Pass, says: "each of 1"},
		{name: "the backend died, and its answer did not", meta: http, events: [][]Event{fault(5*ms, 9*ms), order(2), taken(6*ms, 2, "backend/0"), answered(8*ms, 2)}, want: check.Pass},
		{name: "two such, of one fault", meta: http, want: check.Fail, says: "2 of 2 requests that are not idempotent were answered well, and no backend was seen to do them (1 fault)",
			events: [][]Event{fault(5*ms, 9*ms), order(2), order(3), taken(6*ms, 2, "backend/0"), taken(6*ms, 3, "backend/0"), answered(8*ms, 2), answered(8*ms, 3)}},
		{name: "done by the second", meta: http, events: [][]Event{order(2), taken(6*ms, 2, "a"), gave(2, 500), taken(7*ms, 2, "b"), gave(2, 200), answered(8*ms, 2)}, want: check.Pass},
		{name: "by nobody", meta: http, events: [][]Event{order(2), answered(8*ms, 2)}, want: check.Fail, says: "m2, taken by 0 backends"},
		{name: "failed", meta: http, events: [][]Event{order(2), taken(6*ms, 2, "backend/0"), gave(2, 500), answered(8*ms, 2)}, want: check.Fail, says: "1 of 1"},
		{name: "none well", meta: http, events: [][]Event{request(ms, 1), order(2), answer(8*ms, 2, 502, 0, "")}, want: check.Unknown},
		{name: "cut off", meta: http, bare: true, events: [][]Event{order(2), answered(8*ms, 2)}, want: check.Unknown},
	})
}

func TestAskedAgain(t *testing.T) {
	t.Parallel()
	expect := Expect{AskedAgain: true}
	bad := func(method string, code int32) []Event {
		return slices.Concat(wanted(5*ms, 2, method+" /"), answer(8*ms, 2, code, 0, "backend/1"))
	}
	judgeRows(t, "asked-again", all, []row{
		{name: "all well", meta: http, expect: expect, events: [][]Event{request(ms, 1)}, want: check.Pass, says: "none of the 1"},
		{name: "GET", meta: http, expect: expect, events: [][]Event{request(ms, 1), bad("GET", 502)}, want: check.Fail, says: "m2 at 0.008s: 502 of backend/1"},
		{name: "PUT cut", meta: http, expect: expect, events: [][]Event{request(ms, 1), bad("PUT", 0)}, want: check.Fail, says: "1 of 2"},
		{name: "POST", meta: http, expect: expect, events: [][]Event{request(ms, 1), bad("POST", 502)}, want: check.Pass},
		{name: "turned away", meta: http, expect: expect, want: check.Pass,
			events: [][]Event{request(ms, 1), wanted(5*ms, 2, "GET /"), answer(8*ms, 2, 503, Later, "")}},
		{name: "POST alone", meta: http, expect: expect, events: [][]Event{bad("POST", 502)}, want: check.Unknown},
		{name: "nothing answered", meta: http, expect: expect, events: [][]Event{wanted(ms, 1, "GET /")}, want: check.Unknown},
	})
}

func TestTurnedAway(t *testing.T) {
	t.Parallel()
	away := func(at time.Duration, n int) []Event {
		return slices.Concat(wanted(at, n, "GET /"), answer(at, n, 503, Later, ""))
	}
	some := Expect{TurnedAway: &TurnedAway{Range: Range{Min: 1, Max: 2}}, Recovery: 10 * ms}
	told := func(at time.Duration, n int, code int32, wait time.Duration) []Event {
		return slices.Concat(wanted(at, n, "GET /"), one(Event{At: at, Kind: Answer, Msg: MsgID(n), Code: code, N: wait.Microseconds(), Flags: Later}))
	}
	soon := Expect{TurnedAway: &TurnedAway{Range: Range{Min: 1, Max: 2}, Within: 100 * ms, Status: 503}}
	judgeRows(t, "turned-away", all, []row{
		{name: "soon", meta: http, expect: soon, events: [][]Event{told(ms, 1, 503, 90*ms)}, want: check.Pass},
		{name: "not soon", meta: http, expect: soon, events: [][]Event{told(ms, 1, 503, 110*ms)}, want: check.Fail, says: "(limit 100ms)"},
		{name: "otherwise", meta: http, expect: soon, events: [][]Event{told(ms, 1, 429, 90*ms), told(ms, 2, 503, 90*ms)}, want: check.Fail, says: "1 of 2"},
		{name: "none", meta: http, events: [][]Event{request(ms, 1)}, want: check.Pass},
		{name: "not wanted", meta: http, events: [][]Event{request(ms, 1), away(5*ms, 2)}, want: check.Fail, says: "at most 0"},
		{name: "wanted", meta: http, expect: some, events: [][]Event{request(ms, 1), away(5*ms, 2)}, want: check.Pass},
		{name: "too few", meta: http, expect: some, events: [][]Event{request(ms, 1)}, want: check.Fail, says: "at least 1"},
		{name: "too few so far", meta: http, expect: some, bare: true, events: [][]Event{request(ms, 1)}, want: check.Unknown},
		{name: "too many", meta: http, expect: some, events: [][]Event{away(ms, 1), away(2*ms, 2), away(3*ms, 3)}, want: check.Fail},
		{name: "soon after the heal", meta: http, expect: some, events: [][]Event{fault(10*ms, 20*ms), away(30*ms, 1)}, want: check.Pass},
		{name: "long after the heal", meta: http, expect: some, events: [][]Event{fault(10*ms, 20*ms), away(31*ms, 1)}, want: check.Fail, says: "0.011s after the last heal"},
		{name: "nothing answered", meta: http, want: check.Unknown},
	})
}

func TestOnce(t *testing.T) {
	t.Parallel()
	twice := slices.Concat(taken(2*ms, 1, "backend/0"), taken(3*ms, 1, "backend/1"), answered(4*ms, 1))
	own := func(text string) []Event {
		return []Event{{At: 3 * ms, Kind: Take, Who: "backend/1", Msg: 1 << 63, Text: text}}
	}
	judgeRows(t, "once", all, []row{
		{name: "a POST", meta: http, events: [][]Event{wanted(ms, 1, "POST /orders"), taken(2*ms, 1, "backend/0"), answered(3*ms, 1)}, want: check.Pass},
		{name: "a POST, twice", meta: http, events: [][]Event{wanted(ms, 1, "POST /orders"), twice}, want: check.Fail, says: "taken a second time by backend/1 at 0.003s"},
		{name: "a POST, again under an id of the target's own", meta: http, events: [][]Event{wanted(ms, 1, "POST /orders"),
			taken(2*ms, 1, "backend/0"), own("POST /orders"), answered(4*ms, 1)}, want: check.Fail, says: "2 requests that are not idempotent were taken by backends, of 1 offered"},
		{name: "a POST under an id of the target's own", meta: http, events: [][]Event{wanted(ms, 1, "POST /orders"), wanted(ms, 2, "GET /"),
			taken(2*ms, 2, "backend/0"), own("POST /orders"), answered(4*ms, 1)}, want: check.Unknown, says: "pass X-Request-Id on"},
		{name: "the lab's own POST has no id", meta: http, events: [][]Event{wanted(ms, 1, "POST /orders"), taken(2*ms, 1, "backend/0"),
			{{At: 3 * ms, Kind: Take, Who: "backend/1", Text: "POST /fill"}}, answered(4*ms, 1)}, want: check.Pass},
		{name: "health checks have no id", meta: http, events: [][]Event{wanted(ms, 1, "POST /orders"),
			taken(2*ms, 1, "backend/0"), own("GET /health"), own("OPTIONS /"), answered(4*ms, 1)}, want: check.Pass},
		{name: "a PUT, twice", meta: http, events: [][]Event{wanted(ms, 1, "PUT /orders/1"), twice}, want: check.Pass},
		{name: "never taken", meta: http, events: [][]Event{wanted(ms, 1, "POST /orders"), answered(3*ms, 1)}, want: check.Unknown},
		{name: "somebody else's", meta: http, events: [][]Event{taken(2*ms, 9, "backend/0")}, want: check.Unknown},
	})
}

func TestRetries(t *testing.T) {
	t.Parallel()
	twice := slices.Concat(request(ms, 1), taken(5*ms, 1, "backend/1"))
	four := slices.Concat(request(10*ms, 2), request(20*ms, 3), request(30*ms, 4))
	judgeRows(t, "retries", all, []row{
		{name: "none", meta: http, events: [][]Event{request(ms, 1)}, want: check.Pass},
		{name: "one of four", meta: http, events: [][]Event{twice, four}, want: check.Fail, says: "25.0 %"},
		{name: "as many as may be", meta: http, expect: Expect{Retries: 0.25}, events: [][]Event{twice, four}, want: check.Pass},
		{name: "a storm", meta: http, events: [][]Event{request(ms, 1), slices.Repeat(taken(5*ms, 1, "backend/1"), 300)}, want: check.Fail, says: "300 of 1 requests were tried again"},
		{name: "nothing taken", meta: http, events: [][]Event{wanted(ms, 1, "GET /")}, want: check.Unknown},
	})
}

func TestVersion(t *testing.T) {
	t.Parallel()
	other := slices.Concat(wanted(5*ms, 2, "GET /"), one(Event{At: 6 * ms, Kind: Answer, Msg: 2, Code: 200, Who: "0", Flags: Good}))
	judgeRows(t, "version", check.Fail, []row{
		{name: "the one", meta: http, expect: Expect{Version: "1"}, events: [][]Event{request(ms, 1)}, want: check.Pass},
		{name: "mixed", meta: http, expect: Expect{Version: "1"}, events: [][]Event{request(ms, 1), other}, want: check.Unknown, says: `"1": 1, "0": 1`},
		{name: "another", meta: http, expect: Expect{Version: "2"}, events: [][]Event{request(ms, 1)}, want: check.Unknown},
		{name: "none", meta: http, expect: Expect{Version: "1"}, want: check.Unknown},
	})
	expect := Expect{Serves: "1", Recovery: 10 * ms}
	f := fault(10*ms, 20*ms)
	judgeRows(t, "serves", all, []row{
		{name: "the new one", meta: http, expect: expect, events: [][]Event{f, other, request(40*ms, 1)}, want: check.Pass},
		{name: "the old one still", meta: http, expect: expect, want: check.Fail, says: `"2" answered until 0.051s`, events: [][]Event{f, request(40*ms, 1),
			wanted(50*ms, 2, "GET /"), one(Event{At: 51 * ms, Kind: Answer, Msg: 2, Code: 200, Who: "2", Flags: Good})}},
		{name: "nobody", meta: http, expect: expect, events: [][]Event{f, request(5*ms, 1)}, want: check.Unknown},
		{name: "never healed", meta: http, expect: expect, events: [][]Event{request(5*ms, 1)}, want: check.Unknown},
	})
}

// What is judged of a queue's consumer is not judged of who answers requests, and the other way round.
func TestChecksBelongToAKindOfTarget(t *testing.T) {
	t.Parallel()
	of := func(j *check.Judgement) (names []string) {
		for _, r := range j.Results {
			names = append(names, r.Check)
		}
		return names
	}
	requests := of(row{meta: http, events: [][]Event{request(ms, 1)}}.judge())
	require.Equal(t, []string{"ran", "script", "load-reached", "fault-in-effect", "fault-gone", "alerts", "all-clears", "hooks", "target-exit",
		"answered", "errors", "turned-away", "once", "retries"}, requests)
	everything := Expect{AskedAgain: true, Version: "1", Serves: "1", BackIn: sec, Rotation: &Rotation{Interval: sec, Timeout: sec, Healthy: 1, Unhealthy: 1}}
	all := of(row{meta: http, expect: everything, events: [][]Event{request(ms, 1)}}.judge())
	ofRequests := slices.DeleteFunc(all, func(name string) bool {
		return slices.Contains([]string{"ran", "script", "load-reached", "fault-in-effect", "fault-gone", "alerts", "all-clears", "hooks", "target-exit"}, name)
	})
	require.Equal(t, []string{"answered", "errors", "turned-away", "once", "asked-again", "retries", "version", "serves", "rotation", "back-in"}, ofRequests)
	queue := of(row{expect: everything, events: [][]Event{done(ms, 1)}}.judge())
	for _, name := range ofRequests {
		require.NotContains(t, queue, name)
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	expect := Expect{Rotation: &Rotation{Interval: 200 * ms, Timeout: 100 * ms, Healthy: 2, Unhealthy: 2}} // out 0.2 to 0.7 s, in 0.1 to 0.5 s
	ill := []Event{
		{At: sec, Kind: Inject, N: 1, Who: "backend", Text: `{"backend":1}`}, {At: sec, Kind: InEffect, N: 1}, {At: 3 * sec, Kind: Heal, N: 1},
	}
	takes := func(at ...time.Duration) (all []Event) {
		for i, at := range at {
			all = append(all, wanted(at, i+1, "GET /")...)
			all = append(all, Event{At: at, Kind: Take, Msg: MsgID(i + 1), Who: "backend/1", Text: "GET /"},
				Event{At: at + ms, Kind: Give, Msg: MsgID(i + 1), Who: "backend/1", Code: 200})
		}
		return all
	}
	holding := takes(900*ms, 1050*ms, 3400*ms)
	holding[5].At = 3 * sec // it is done with the second one then
	judgeRows(t, "rotation", all, []row{
		{name: "passed over while it is busy", meta: http, expect: expect, events: [][]Event{ill, holding}, want: check.Pass, says: "out of rotation 0.050s"},
		{name: "in time", meta: http, expect: expect, events: [][]Event{ill, takes(900*ms, 1500*ms, 3400*ms)}, want: check.Pass, says: "out of rotation 0.500s"},
		{name: "too late out", meta: http, expect: expect, events: [][]Event{ill, takes(900*ms, 1701*ms, 3400*ms)}, want: check.Fail, says: "still had a request 0.701s"},
		{name: "too soon out", meta: http, expect: expect, events: [][]Event{ill, takes(900*ms, 1050*ms, 3400*ms)}, want: check.Fail, says: "no illness"},
		{name: "at once out", meta: http, expect: expect, events: [][]Event{ill, takes(900*ms, 3400*ms)}, want: check.Fail},
		{name: "too late in", meta: http, expect: expect, events: [][]Event{ill, takes(900*ms, 1500*ms, 3501*ms)}, want: check.Fail, says: "next request 0.501s"},
		{name: "too soon in", meta: http, expect: expect, events: [][]Event{ill, takes(900*ms, 1500*ms, 3040*ms)}, want: check.Fail, says: "already"},
		{name: "never in", meta: http, expect: expect, events: [][]Event{ill, takes(900*ms, 1500*ms)}, want: check.Fail, says: "any more"},
		{name: "idle before", meta: http, expect: expect, events: [][]Event{ill, takes(700*ms, 1500*ms, 3400*ms)}, want: check.Unknown, says: "no request in the 200ms"},
		{name: "too short", meta: http, expect: expect, want: check.Unknown, says: "was on for 0.500s only", events: [][]Event{
			ill[:2], one(Event{At: 1500 * ms, Kind: Heal, N: 1}), takes(900*ms, 1400*ms, 1900*ms)}},
		{name: "never healed", meta: http, expect: expect, events: [][]Event{ill[:2], takes(900*ms, 1500*ms)}, want: check.Unknown},
		{name: "another fault", meta: http, expect: expect, events: [][]Event{fault(10*ms, 20*ms), takes(900 * ms)}, want: check.Unknown},
	})
}

func TestRotationExact(t *testing.T) {
	t.Parallel()
	expect := Expect{Rotation: &Rotation{Interval: 200 * ms, Timeout: 100 * ms, Healthy: 2, Unhealthy: 2, Exact: true}}
	asked := func(came, took time.Duration) Event {
		return Event{At: came + took, Kind: Health, Who: "backend/1", Code: 200, N: took.Microseconds()}
	}
	// Bad checks are known at 1.2 and 1.4 s, good ones at 3.101 and 3.301 s.
	ill := []Event{
		{At: sec, Kind: Inject, N: 1, Who: "backend", Text: `{"backend":1}`}, {At: sec, Kind: InEffect, N: 1}, {At: 3 * sec, Kind: Heal, N: 1},
		asked(1100*ms, 300*ms), asked(1300*ms, 300*ms), asked(1500*ms, 300*ms), asked(2900*ms, 300*ms), asked(3100*ms, ms), asked(3300*ms, ms),
	}
	slices.SortStableFunc(ill, func(a, b Event) int { return int(a.At - b.At) })
	takes := func(at ...time.Duration) (all []Event) {
		for n := range 200 { // of the other one, every 20 ms
			at := time.Duration(n) * 20 * ms
			all = append(all, wanted(at, 1000+n, "GET /")...)
			all = append(all, Event{At: at, Kind: Take, Msg: MsgID(1000 + n), Who: "backend/0", Text: "GET /"})
		}
		for i, at := range at {
			all = append(all, wanted(at, i+1, "GET /")...)
			all = append(all, Event{At: at, Kind: Take, Msg: MsgID(i + 1), Who: "backend/1", Text: "GET /"})
		}
		return all
	}
	judgeRows(t, "rotation", all, []row{
		{name: "exact", meta: http, expect: expect, events: [][]Event{ill, takes(900*ms, 1305*ms, 1395*ms, 3310*ms)}, want: check.Pass},
		{name: "one bad check is enough", meta: http, expect: expect, events: [][]Event{ill, takes(900*ms, 1205*ms-6*ms, 3310*ms)}, want: check.Fail, says: "after 1 bad checks already"},
		{name: "one bad check is enough, with a request under way", meta: http, expect: expect, events: [][]Event{ill, takes(900*ms, 1203*ms, 1295*ms, 3310*ms)}, want: check.Fail, says: "after 1 bad checks already"},
		{name: "one more", meta: http, expect: expect, events: [][]Event{ill, takes(900*ms, 1305*ms, 1590*ms, 3310*ms)}, want: check.Fail, says: "between its 2 bad checks (1.400s) and its 2 good ones (3.301s)"},
		{name: "one good check is enough", meta: http, expect: expect, events: [][]Event{ill, takes(900*ms, 1305*ms, 3110*ms)}, want: check.Fail, says: "between its 2 bad checks"},
		{name: "one good check more", meta: http, expect: expect, events: [][]Event{ill, takes(900*ms, 1305*ms, 3490*ms)}, want: check.Fail, says: "no request in the 100ms"},
		{name: "checks unseen", meta: http, expect: expect, events: [][]Event{ill[:6], takes(900*ms, 1305*ms, 3310*ms)}, want: check.Unknown},
	})
}

func TestBackIn(t *testing.T) {
	t.Parallel()
	expect := Expect{BackIn: sec}
	takes := func(by string, first int, at ...time.Duration) (all []Event) {
		for i, at := range at {
			all = append(all, wanted(at, first+i, "GET /")...)
			all = append(all, taken(at, first+i, by)...)
		}
		return all
	}
	on := fault(sec, 3*sec)
	other := takes("backend/0", 10, 900*ms, 3010*ms, 5*sec)
	judgeRows(t, "back-in", all, []row{
		{name: "back", meta: http, expect: expect, events: [][]Event{on, other, takes("backend/1", 1, 900*ms, 4*sec)}, want: check.Pass, says: "in again 1.000s after"},
		{name: "late", meta: http, expect: expect, events: [][]Event{on, other, takes("backend/1", 1, 900*ms, 4001*ms)}, want: check.Fail, says: "backend/1 took its first request 1.001s"},
		{name: "never", meta: http, expect: expect, events: [][]Event{on, other, takes("backend/1", 1, 900*ms, 2*sec)}, want: check.Fail, says: "any more"},
		{name: "no time to", meta: http, expect: expect, events: [][]Event{on, takes("backend/1", 1, 900*ms, 2*sec)}, want: check.Unknown, says: "did not last"},
		{name: "came later", meta: http, expect: expect, events: [][]Event{on, takes("backend/1", 1, 1100*ms)}, want: check.Unknown, says: "before the first fault"},
		{name: "never healed", meta: http, expect: expect, events: [][]Event{on[:2], other}, want: check.Unknown},
	})
}
