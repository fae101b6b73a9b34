package check_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/check"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/recovery"
)

// A run is judged from its events alone; here one in which a message's effect is missing.
func ExampleJudgeEvents() {
	run := recovery.Known{Recovery: 500 * time.Millisecond}
	events := run.Events()
	events = slices.DeleteFunc(events, func(e history.Event) bool {
		return e.Kind == history.Effect && e.Msg == history.ParseMsgID([]byte("m42"))
	})
	j := check.JudgeEvents(run.Meta(), func(yield func(*history.Event) bool) {
		for i := range events {
			if !yield(&events[i]) {
				return
			}
		}
	})
	fmt.Println(j.Verdict)
	for _, r := range j.Results {
		if r.Verdict != check.Pass {
			fmt.Println(r.Check, r.Verdict, r.Examples)
		}
	}
	// Output:
	// fail
	// no-loss fail [m42: offered at 0.410s, confirmed, acked by the target, no effect]
	// ack-after-report fail [0.420s: m42 acked by consumer/0 (connection 2 channel 1 tag 42) without an effect]
}
