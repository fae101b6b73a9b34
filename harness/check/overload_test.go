package check_test

import (
	"slices"
	"testing"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/check"
	. "github.com/comeback-chaos/xk6-comeback/harness/history" //nolint:revive // see row_test.go
)

// hundred requests to a path, one each 10 ms, answered in time but for the last ones; they begin with number first.
func hundred(from time.Duration, first int, path string, took time.Duration, slow ...time.Duration) (all []Event) {
	for i := range 100 {
		at, took := from+time.Duration(i)*10*ms, took
		if n := i - (100 - len(slow)); n >= 0 {
			took = slow[n]
		}
		all = append(all, wanted(at, first+i, "GET "+path)...)
		all = append(all, answered(at+took, first+i)...)
	}
	return all
}

func TestLatency(t *testing.T) {
	t.Parallel()
	expect := Expect{Latency: &Latency{P99: 50 * ms, Path: "/items"}}
	on := fault(10*ms, 2*sec)
	badly := slices.Concat(wanted(sec, 200, "GET /items/1"), answer(sec+ms, 200, 500, 0, ""), wanted(sec, 201, "GET /items/1"), answer(sec+ms, 201, 0, 0, "EOF"))
	away := slices.Concat(wanted(sec, 200, "GET /items/1"), answer(sec+ms, 200, 429, Later, ""), wanted(sec, 201, "GET /items/1"), answer(sec+ms, 201, 503, Later, ""))
	judgeRows(t, "latency", all, []row{
		{name: "in time", meta: http, expect: expect, events: [][]Event{on, hundred(20*ms, 1, "/items/1", 5*ms)}, want: check.Pass, says: "99 % of 100 requests had a good answer within 0.005s"},
		{name: "one is late", meta: http, expect: expect, events: [][]Event{on, hundred(20*ms, 1, "/items/1", 5*ms, sec)}, want: check.Pass},
		{name: "two are late", meta: http, expect: expect, events: [][]Event{on, hundred(20*ms, 1, "/items/1", 5*ms, 51*ms, 51*ms)}, want: check.Fail, says: "98 of 100 requests had a good answer within 50ms"},
		{name: "two had no good answer", meta: http, expect: expect, events: [][]Event{on, hundred(20*ms, 1, "/items/1", 5*ms), badly}, want: check.Fail, says: "never had a good answer"},
		{name: "turned away", meta: http, expect: expect, events: [][]Event{on, hundred(20*ms, 1, "/items/1", 5*ms), away}, want: check.Pass, says: "100 requests"},
		{name: "others are late", meta: http, expect: expect, events: [][]Event{on, hundred(20*ms, 1, "/items/1", 5*ms), hundred(20*ms, 200, "/account", sec)}, want: check.Pass},
		{name: "after the heal", meta: http, expect: expect, want: check.Unknown, says: "only 0 requests",
			events: [][]Event{fault(ms, 10*ms), hundred(20*ms, 1, "/items/1", sec)}},
		{name: "without a fault", meta: http, expect: expect, events: [][]Event{hundred(20*ms, 1, "/items/1", 5*ms)}, want: check.Pass},
		{name: "cut", meta: http, expect: expect, bare: true, events: [][]Event{on, hundred(20*ms, 1, "/items/1", 5*ms), badly}, want: check.Unknown},
	})
}

func given(at time.Duration, n int, code int32) []Event {
	return one(Event{At: at, Kind: Give, Msg: MsgID(n), Who: "backend/0", Code: code})
}

func TestCached(t *testing.T) {
	t.Parallel()
	expect := Expect{Cached: 0.75}
	whole := slices.Concat(request(ms, 1), given(3*ms, 1, 200))
	unchanged := slices.Concat(request(10*ms, 2), given(13*ms, 2, 304))
	stored := slices.Concat(wanted(20*ms, 3, "GET /"), answered(21*ms, 3), wanted(22*ms, 4, "GET /"), answered(23*ms, 4))
	post := slices.Concat(wanted(30*ms, 5, "POST /"), taken(31*ms, 5, "backend/0"), answered(32*ms, 5))
	judgeRows(t, "cached", all, []row{
		{name: "three of four", meta: http, expect: expect, events: [][]Event{whole, unchanged, stored, post}, want: check.Pass,
			says: "of 4 GET requests answered well 1 cost a backend a whole answer, 1 a 304 and 2 nothing: 75.0 % cached"},
		{name: "two of four", meta: http, expect: expect, events: [][]Event{whole, request(10*ms, 2), stored}, want: check.Fail},
		{name: "half of them fresh", meta: http, expect: Expect{Cached: 0.75, Fresh: 0.5}, events: [][]Event{whole, unchanged, stored}, want: check.Pass},
		{name: "too few fresh", meta: http, expect: Expect{Cached: 0.75, Fresh: 0.6}, events: [][]Event{whole, unchanged, stored}, want: check.Fail, says: "50.0 % were fresh"},
		{name: "taken twice", meta: http, expect: expect, events: [][]Event{whole, taken(4*ms, 1, "backend/1"), unchanged, stored}, want: check.Fail},
		{name: "no backend ever", meta: http, expect: expect, events: [][]Event{stored}, want: check.Unknown},
		{name: "nothing", meta: http, expect: expect, want: check.Unknown},
		{name: "cut", meta: http, expect: expect, bare: true, events: [][]Event{whole, unchanged, stored}, want: check.Unknown},
	})
}

func TestLeaks(t *testing.T) {
	t.Parallel()
	expect := Expect{Users: 2}
	of := func(at time.Duration, n int, user string, f Flags) []Event {
		return []Event{
			{At: at, Kind: Offer, Msg: MsgID(n), Who: user, Text: "GET /me"},
			{At: at + ms, Kind: Answer, Msg: MsgID(n), Code: 200, Who: "1", Flags: Good | f},
		}
	}
	judgeRows(t, "leaks", all, []row{
		{name: "each their own", meta: http, expect: expect, events: [][]Event{of(ms, 1, "ann", Own), of(5*ms, 2, "bob", Own)}, want: check.Pass, says: "2 answers to 2 users"},
		{name: "another's", meta: http, expect: expect, events: [][]Event{of(ms, 1, "ann", Own), of(5*ms, 2, "bob", Leaked)}, want: check.Fail,
			says: "m2 at 0.006s: bob was given what is for somebody else"},
		{name: "for nobody", meta: http, expect: expect, events: [][]Event{of(ms, 1, "ann", Own), of(5*ms, 2, "bob", 0)}, want: check.Unknown, says: "1 user had"},
		{name: "one user", meta: http, expect: expect, events: [][]Event{of(ms, 1, "ann", Own), of(5*ms, 2, "ann", Own)}, want: check.Unknown},
	})
}

func TestMemory(t *testing.T) {
	t.Parallel()
	expect := Expect{Memory: 10}
	read := func(from time.Duration, mb ...int64) (all []Event) {
		for i, n := range mb {
			all = append(all, Event{At: from + time.Duration(i)*100*ms, Kind: Probe, Who: MemoryProbe + "proxy/0", Code: 7, N: n << 20})
		}
		return all
	}
	on, before := fault(sec, 2*sec), read(100*ms, 20, 20, 25, 20, 20)
	judgeRows(t, "memory", all, []row{
		{name: "bounded", meta: http, expect: expect, events: [][]Event{on, before, read(1100*ms, 30, 35, 35, 35, 35)}, want: check.Pass, says: "up to 35 MB"},
		{name: "too much", meta: http, expect: expect, events: [][]Event{on, before, read(1100*ms, 30, 36, 30, 30, 30)}, want: check.Fail, says: "up to 36 MB resident while faults were on, and up to 25 MB before"},
		{name: "of a consumer", expect: expect, events: [][]Event{on, before, read(1100*ms, 30, 36, 30, 30, 30)}, want: check.Fail},
		{name: "later", meta: http, expect: expect, events: [][]Event{on, before, read(1100*ms, 30, 30, 30, 30, 30), read(2100*ms, 90)}, want: check.Pass},
		{name: "hardly read", meta: http, expect: expect, events: [][]Event{on, before, read(1100*ms, 30, 36)}, want: check.Unknown, says: "2 times while they were on"},
		{name: "not read", meta: http, expect: expect, events: [][]Event{on}, want: check.Unknown},
		{name: "no fault", meta: http, expect: expect, events: [][]Event{before}, want: check.Unknown},
	})
}

func TestReaders(t *testing.T) {
	t.Parallel()
	expect := Expect{Readers: &Readers{Min: 500 * ms, Max: sec}}
	reader := func(served int32, f Flags) []Event {
		return one(Event{At: 5 * sec, Kind: Reading, N: 1, Who: "/huge", Tag: 99, Code: served, Flags: f, Text: "how it ended"})
	}
	judgeRows(t, "readers", all, []row{
		{name: "cut, and whole", meta: http, expect: expect, events: [][]Event{reader(1000, 0), reader(900, Whole)}, want: check.Pass, says: "1 slow readers had their whole answer, 1 were cut, the first one after 1.000s, the last one after 1.000s (limits 500ms and 1s)"},
		{name: "whole, soon", meta: http, expect: expect, events: [][]Event{reader(100, Whole)}, want: check.Pass, says: "1 slow readers had their whole answer, the last one after 0.100s"},
		{name: "cut soon", meta: http, expect: expect, events: [][]Event{reader(499, 0), reader(900, 0)}, want: check.Fail, says: "1 of 2 slow readers were cut before 500ms had passed"},
		{name: "served for long", meta: http, expect: expect, events: [][]Event{reader(900, 0), reader(1001, Left)}, want: check.Fail, says: "after 1.001s and 99 bytes: how it ended"},
		{name: "cut late", meta: http, expect: expect, events: [][]Event{reader(1001, 0)}, want: check.Fail},
		{name: "enough had all", meta: http, expect: Expect{Readers: &Readers{Max: sec, Whole: 1}}, events: [][]Event{reader(900, 0), reader(900, Whole)}, want: check.Pass},
		{name: "too few had all", meta: http, expect: Expect{Readers: &Readers{Max: sec, Whole: 2}}, events: [][]Event{reader(900, 0), reader(900, Whole)}, want: check.Fail,
			says: "1 of 2 slow readers had their whole answer, wanted 2"},
		{name: "one hung up that might have had all", meta: http, expect: Expect{Readers: &Readers{Max: sec, Whole: 2}}, events: [][]Event{reader(900, Left), reader(900, Whole)}, want: check.Unknown},
		{name: "hung up", meta: http, expect: expect, events: [][]Event{reader(900, 0), reader(900, Left)}, want: check.Unknown},
		{name: "none", meta: http, expect: expect, want: check.Unknown},
	})
}

func TestBlip(t *testing.T) {
	t.Parallel()
	expect := Expect{Rotation: &Rotation{Interval: 200 * ms, Timeout: 100 * ms, Healthy: 2, Unhealthy: 2}}
	blip := []Event{
		{At: sec, Kind: Inject, N: 1, Who: "backend", Text: `{"backend":1}`}, {At: sec, Kind: InEffect, N: 1}, {At: 1300 * ms, Kind: Heal, N: 1},
	}
	health := func(at time.Duration, code int32, took time.Duration) []Event {
		return one(Event{At: at, Kind: Health, Who: "backend/1", Code: code, N: took.Microseconds()})
	}
	ill := slices.Concat(health(1100*ms, 503, ms), health(1300*ms, 200, ms))
	// each takes a request every 20 ms, backend/1 not in the gap
	both := func(gapFrom, gapTo time.Duration) (all []Event) {
		for i := range 100 {
			at := 800*ms + time.Duration(i)*20*ms
			for k, who := range []string{"backend/0", "backend/1"} {
				if k == 0 || at < gapFrom || at > gapTo {
					all = append(all, wanted(at, 2*i+k+1, "GET /")...)
					all = append(all, taken(at, 2*i+k+1, who)...)
				}
			}
		}
		return all
	}
	judgeRows(t, "rotation", all, []row{
		{name: "stays in", meta: http, expect: expect, events: [][]Event{blip, ill, both(0, 0)}, want: check.Pass, says: "failed 1 health check in a row and stayed in"},
		{name: "a short pause", meta: http, expect: expect, events: [][]Event{blip, ill, both(1500*ms, 1700*ms)}, want: check.Pass},
		{name: "out for a while", meta: http, expect: expect, events: [][]Event{blip, ill, both(1500*ms, 1900*ms)}, want: check.Fail, says: "which is no illness"},
		{name: "out for good", meta: http, expect: expect, events: [][]Event{blip, ill, both(1200*ms, 9*sec)}, want: check.Fail},
		{name: "no health check failed", meta: http, expect: expect, events: [][]Event{blip, health(1100*ms, 200, ms), both(1200*ms, 9*sec)}, want: check.Fail, says: "failed 0 health checks"},
		{name: "late is failed", meta: http, expect: expect, events: [][]Event{blip, health(1100*ms, 200, 150*ms), both(0, 0)}, want: check.Pass, says: "failed 1 health check"},
		{name: "two in a row are no blip", meta: http, expect: expect, want: check.Unknown, says: "was on for 0.300s only",
			events: [][]Event{blip, ill[:1], health(1250*ms, 503, ms), both(0, 0)}},
		{name: "it says nothing", meta: http, expect: expect, want: check.Unknown, says: "was on for 0.500s only",
			events: [][]Event{blip[:2], one(Event{At: 1500 * ms, Kind: Heal, N: 1}), health(1550*ms, 200, ms), both(0, 0)}},
		{name: "idle before", meta: http, expect: expect, events: [][]Event{blip, ill, both(0, 1050*ms)}, want: check.Unknown, says: "no request in the 200ms"},
		{name: "ill again soon", meta: http, expect: expect, events: [][]Event{blip, ill, both(0, 0), one(Event{At: 1500 * ms, Kind: Inject, N: 2, Who: "backend", Text: `{"backend":1}`})},
			want: check.Unknown, says: "looked at for only 0.500s"},
	})
}
