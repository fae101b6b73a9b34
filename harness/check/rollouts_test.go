package check_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/check"
	. "github.com/comeback-chaos/xk6-comeback/harness/history" //nolint:revive // see row_test.go
)

// told is something that the deployer did or saw.
func told(at time.Duration, who, text string) []Event {
	e := Event{At: at, Kind: Rollout, Who: who, Text: text}
	switch text[:5] {
	case "begin", "rollb":
		e.N, e.Code, e.Tag = 2000, 2, 3 // within 2 s, two stay healthy, three run
	}
	return one(e)
}

// deploys is a rollout of version 2 at 1 s: two of version 1 serve, two of version 2 are started and get healthy.
func deploys(params string) []Event {
	return slices.Concat(
		one(Event{At: sec, Kind: Inject, N: 1, Who: "rollout", Text: params}), told(sec, "", "begin 2"),
		told(sec, "backend/0", "healthy 1 200"), told(sec, "backend/1", "healthy 1 200"),
		told(1100*ms, "backend/2", "start 2"), told(1100*ms, "backend/3", "start 2"),
		told(1500*ms, "backend/2", "healthy 2 200"), told(1500*ms, "backend/3", "healthy 2 200"),
	)
}

func drains(at time.Duration) []Event {
	return slices.Concat(told(at, "backend/0", "drain 1"), told(at, "backend/1", "drain 1"))
}

func doneAt(at time.Duration) []Event {
	return slices.Concat(told(at, "", "done 2"), told(at, "", "ended 2 done"))
}

// runs are the starts of backends' processes, ends their ends.
func runs(at time.Duration, backends ...int) (all []Event) {
	for _, n := range backends {
		all = append(all, Event{At: at, Kind: ProcStart, Who: BackendName(n)})
	}
	return all
}

func ends(at time.Duration, backends ...int) (all []Event) {
	for _, n := range backends {
		all = append(all, Event{At: at, Kind: ProcExit, Who: BackendName(n), Flags: Expected})
	}
	return all
}

// by is a request that a version answers, and a backend takes.
func by(at time.Duration, n int, version, backend string) []Event {
	return slices.Concat(wanted(at, n, "GET /"), taken(at, n, backend), one(Event{At: at + ms, Kind: Answer, Msg: MsgID(n), Code: 200, Who: version, Flags: Good}))
}

// fails is a rollout of version 2 of which nothing gets healthy, and that goes back.
func failing(params string, end time.Duration) []Event {
	return slices.Concat(deploys(params)[:6], told(2*sec, "backend/2", "drain 2"), told(2*sec, "backend/3", "drain 2"), told(2*sec, "", "give-up 2 breaker"),
		told(2*sec, "", "rollback 1 breaker"), told(end, "", "done 1"), told(end, "", "ended 2 rolled-back breaker: 404, wanted 200"))
}

func TestRollout(t *testing.T) {
	t.Parallel()
	whole := slices.Concat(deploys("{}"), drains(1600*ms), doneAt(1800*ms))
	back := `{"ends":"rolled-back","says":"404, wanted 200"}`
	again := append(slices.Clone(whole), told(4*sec, "", "begin 3")...)
	judgeRows(t, "rollout", all, []row{
		{name: "done", meta: http, events: [][]Event{whole, by(3*sec, 1, "2", "backend/2")}, want: check.Pass, says: `ended done after 0.800s, and version 2 alone gave the 1 answer since`},
		{name: "the old one still serves", meta: http, want: check.Fail, says: `"1" answered at 3.001s`,
			events: [][]Event{whole, by(3*sec, 1, "1", "backend/0"), by(3*sec, 2, "2", "backend/2")}},
		{name: "an answer on its way", meta: http, events: [][]Event{whole, by(1900*ms, 1, "1", "backend/0"), by(3*sec, 2, "2", "backend/2")}, want: check.Pass},
		{name: "nobody serves", meta: http, events: [][]Event{whole}, want: check.Unknown, says: "nobody answered"},
		{name: "below the minimum", meta: http, want: check.Fail, says: "backend/0 was taken out, and left 1 healthy of at least 2",
			events: [][]Event{deploys("{}")[:6], drains(1200 * ms)}},
		{name: "done with too few", meta: http, want: check.Fail, says: "2 is done with 1 healthy, wanted 2",
			events: [][]Event{deploys("{}"), drains(1600 * ms), told(1700*ms, "backend/2", "unhealthy 2 503"), one(Event{At: 1800 * ms, Kind: Rollout, Text: "done 2", Code: 2})}},
		{name: "done with enough", meta: http, want: check.Pass, events: [][]Event{deploys("{}"), drains(1600 * ms), one(Event{At: 1800 * ms, Kind: Rollout, Text: "done 2", Code: 2}),
			told(1800*ms, "", "ended 2 done"), by(3*sec, 1, "2", "backend/2")}},
		{name: "an unhealthy one goes", meta: http, want: check.Pass, events: [][]Event{deploys("{}"), told(1550*ms, "backend/0", "unhealthy 1 503"),
			drains(1600 * ms), doneAt(1800 * ms), by(3*sec, 1, "2", "backend/2")}},
		{name: "as many as may run", meta: http, want: check.Pass, events: [][]Event{runs(0, 0, 1), deploys("{}")[:4], runs(1100*ms, 2), ends(1200*ms, 0), runs(1200*ms, 3),
			doneAt(1800 * ms), runs(2*sec, 4, 5), by(3*sec, 1, "2", "backend/2")}},
		{name: "more than may run", meta: http, want: check.Fail, says: "1.100s: backend/3 was started, and then 4 ran of at most 3",
			events: [][]Event{runs(0, 0, 1), deploys("{}")[:4], runs(1100*ms, 2, 3), ends(1200*ms, 0, 1), doneAt(1800 * ms), by(3*sec, 1, "2", "backend/2")}},
		{name: "others run, too", meta: http, want: check.Pass, events: [][]Event{runs(0, 0, 1), one(Event{Kind: ProcStart, Who: "account"}), deploys("{}")[:4], runs(1100*ms, 2),
			doneAt(1800 * ms), by(3*sec, 1, "2", "backend/2")}},
		{name: "late", meta: http, want: check.Fail, says: "had not ended 3.001s after its begin", events: [][]Event{deploys("{}"), drains(1600 * ms), doneAt(4001 * ms)}},
		{name: "called off, late", meta: http, want: check.Fail, says: "had not ended", events: [][]Event{deploys("{}"), told(6*sec, "", "ended 2 called-off why")}},
		{name: "called off", meta: http, want: check.Unknown, says: "before its limit of 2s", events: [][]Event{deploys("{}"), told(2*sec, "", "ended 2 called-off why")}},
		{name: "no end", meta: http, want: check.Unknown, says: "has no end", events: [][]Event{deploys("{}")}},
		{name: "rolled back", meta: http, events: [][]Event{failing(back, 2500*ms), by(3*sec, 1, "1", "backend/0")}, want: check.Pass, says: "version 1 alone"},
		{name: "rolled back, late", meta: http, events: [][]Event{failing(back, 6*sec)}, want: check.Fail, says: "the rollback of 2 took 4.000s"},
		{name: "rolled back, unwanted", meta: http, events: [][]Event{failing("{}", 2500*ms)}, want: check.Fail, says: "wanted done: breaker: 404"},
		{name: "for another reason", meta: http, events: [][]Event{failing(`{"ends":"rolled-back","says":"no answer"}`, 2500*ms)}, want: check.Fail, says: `did not say "no answer"`},
		{name: "the new one is still there", meta: http, events: [][]Event{failing(back, 2500*ms), by(3*sec, 1, "2", "backend/2")}, want: check.Fail},
		{name: "an ill one had requests", meta: http, want: check.Fail, says: "backend/3 took 1 request and was never healthy",
			events: [][]Event{failing(back, 2500*ms), by(1800*ms, 1, "2", "backend/3"), by(3*sec, 2, "1", "backend/0")}},
		{name: "a healthy one had them early", meta: http, want: check.Pass, events: [][]Event{whole, by(1490*ms, 1, "2", "backend/3"), by(3*sec, 2, "2", "backend/2")}},
		{name: "an ill one had them, which got healthy later", meta: http, want: check.Fail, says: "backend/4 took requests from 1.100s on, and was healthy only at 1.700s",
			events: [][]Event{whole, told(1050*ms, "backend/4", "start 2"), by(1100*ms, 1, "2", "backend/4"), told(1700*ms, "backend/4", "healthy 2"), by(3*sec, 2, "2", "backend/2")}},
		{name: "left as it was", meta: http, want: check.Pass, says: "not-rolled-back",
			events: [][]Event{deploys(`{"ends":"not-rolled-back"}`)[:6], told(2*sec, "", "give-up 2 late"), told(2*sec, "", "ended 2 not-rolled-back late")}},
		{name: "the second one fails", meta: http, want: check.Fail, events: [][]Event{again, by(3*sec, 1, "2", "backend/2"), told(5*sec, "", "ended 3 not-rolled-back late")}},
		{name: "the second one has no end", meta: http, want: check.Unknown, events: [][]Event{again, by(3*sec, 1, "2", "backend/2")}},
	})
}

func TestTheLastHealthyOneIsNeededWhateverTheSettingsSay(t *testing.T) {
	t.Parallel()
	none := deploys("{}")[:4]
	none[1].Code = 0
	judgeRows(t, "rollout", all, []row{
		{name: "one goes", meta: http, want: check.Pass, events: [][]Event{none, told(1200*ms, "backend/0", "drain 1"), told(1500*ms, "backend/2", "healthy 2"),
			told(1600*ms, "backend/1", "drain 1"), doneAt(1800 * ms), by(3*sec, 1, "2", "backend/2")}},
		{name: "both go", meta: http, want: check.Fail, says: "left 0 healthy of at least 1", events: [][]Event{none, drains(1200 * ms)}},
		{name: "no end", meta: http, want: check.Unknown, events: [][]Event{none}},
	})
}

func TestDrained(t *testing.T) {
	t.Parallel()
	whole := slices.Concat(deploys("{}"), drains(1600*ms), doneAt(1800*ms))
	rows := []row{
		{name: "none drained", meta: http, events: [][]Event{deploys("{}")}, want: check.Unknown},
		{name: "none after it", meta: http, events: [][]Event{whole, by(1500*ms, 1, "1", "backend/0"), by(3*sec, 2, "2", "backend/2")}, want: check.Pass, says: "2 backends"},
	}
	for at, want := range map[time.Duration]check.Verdict{1850 * ms: check.Pass, 1851 * ms: check.Fail} {
		rows = append(rows, row{name: fmt.Sprint("at ", at), meta: http, events: [][]Event{whole, by(at, 1, "1", "backend/1")}, want: want})
	}
	judgeRows(t, "drained", all, rows)
}
