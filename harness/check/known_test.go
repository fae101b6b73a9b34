package check_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/harness/check"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/recovery"
)

// pointers gives events as JudgeEvents takes them.
func judgeAll(meta history.Meta, events []history.Event) *check.Judgement {
	return check.JudgeEvents(meta, func(yield func(*history.Event) bool) {
		for i := range events {
			if !yield(&events[i]) {
				return
			}
		}
	})
}

func TestKnownHistoryPassesEveryCheck(t *testing.T) {
	t.Parallel()
	k := recovery.Known{Recovery: 500 * time.Millisecond, Jitter: 5 * time.Millisecond}
	j := judgeAll(k.Meta(), k.Events())
	for _, r := range j.Results {
		t.Log(r.Check, r.Verdict, r.Reason)
		require.Equal(t, check.Pass, r.Verdict, "%s: %s", r.Check, r.Reason)
	}
	var silent []string
	for _, c := range check.All {
		if !slices.ContainsFunc(j.Results, func(r check.Result) bool { return r.Check == c.Name }) {
			silent = append(silent, c.Name)
		}
	}
	require.Equal(t, []string{"dead-letters", "works-on", "prefetch", "priority", "clean-exit", "takeover", "serving", "fair-share", "busy", "reconnects",
		"answered", "errors", "turned-away", "once", "acknowledged", "asked-again", "retries", "version", "serves", "rotation", "rollout", "drained", "back-in",
		"latency", "cached", "leaks", "memory", "readers", "workers"}, silent, "it has nothing for these")
	require.Equal(t, check.Pass, j.Verdict, j.Reason)
	require.True(t, slices.IsSortedFunc(j.Series, func(a, b recovery.Point) int { return int(a.At - b.At) }))
}
