package check_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/comeback-chaos/xk6-comeback/harness/check"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/recovery"
)

var update = flag.Bool("update", false, "write the golden files")

// fileOf gives the bytes of a history of these events.
func fileOf(t testing.TB, events []history.Event) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "history")
	w, err := history.Create(history.Options{Path: path, Now: func() time.Duration { return 0 }})
	require.NoError(t, err)
	for i := range events {
		w.Append(&events[i])
	}
	require.NoError(t, w.Close())
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	return file
}

func judgeFile(t testing.TB, file []byte) *check.Judgement {
	t.Helper()
	r, err := history.NewReader(bytes.NewReader(file), int64(len(file)))
	require.NoError(t, err)
	j, err := check.Judge(r)
	require.NoError(t, err)
	return j
}

func TestNamesAreAContract(t *testing.T) {
	t.Parallel()
	var names []string
	for _, c := range check.All {
		names = append(names, c.Name)
		require.NotEmpty(t, c.Doc, c.Name)
	}
	slices.Sort(names)
	require.Equal(t, []string{
		"ack-after-report", "acknowledged", "alerts", "all-clears", "answered", "asked-again", "back-in", "busy", "cached", "clean-exit", "dead-letters",
		"drained", "duplicates", "errors", "fair-share", "fault-gone", "fault-in-effect", "hooks", "in-flight", "latency", "leaks",
		"load-reached", "memory", "no-loss", "no-stall", "once", "prefetch", "priority", "probes", "protocol", "ran",
		"readers", "reconnects", "recovered", "retries", "rollout", "rotation", "script", "serves", "serving", "settle", "settled",
		"takeover", "target-exit", "turned-away", "unexpected", "version", "whole-results", "workers", "works-on",
	}, names)
}

func TestVerdictAsText(t *testing.T) {
	t.Parallel()
	var zero check.Verdict
	require.Equal(t, check.Unknown, zero)
	for v, text := range map[check.Verdict]string{check.Unknown: "unknown", check.Pass: "pass", check.Fail: "fail"} {
		b, err := v.MarshalText()
		require.NoError(t, err)
		require.Equal(t, text, string(b))
		var back check.Verdict
		require.NoError(t, back.UnmarshalText(b))
		require.Equal(t, v, back)
	}
	require.Equal(t, "unknown", check.Verdict(200).String())
	require.Error(t, zero.UnmarshalText([]byte("green")))
}

// TestJSONIsStable guards the names that reports and other programs read.
func TestJSONIsStable(t *testing.T) {
	t.Parallel()
	k := recovery.Known{Recovery: 500 * ms, Seed: 1}
	events := k.Events()
	events = slices.Insert(events, len(events)-1,
		history.Event{At: events[len(events)-1].At, Kind: history.Mark, Who: "steady", Text: "seen"},
		history.Event{At: events[len(events)-1].At, Kind: history.HookCall, Who: "restart", Text: "[]"})
	got, err := json.MarshalIndent(judgeFile(t, fileOf(t, events)), "", "  ")
	require.NoError(t, err)
	const golden = "testdata/judgement.json"
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(golden, append(got, '\n'), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got)+"\n")

	var back check.Judgement
	require.NoError(t, json.Unmarshal(got, &back))
	require.Equal(t, check.Fail, back.Verdict, "the restart hook was not to be called")
}

func TestSavedHistoryIsJudgedTheSame(t *testing.T) {
	t.Parallel()
	k := recovery.Known{Recovery: 300 * ms, Jitter: 20 * ms, Start: sec}
	events := k.Events()
	live := judgeAll(k.Meta(), events)
	require.Equal(t, live, judgeFile(t, fileOf(t, events)))
	require.Equal(t, check.Pass, live.Verdict, live.Reason)
	require.Equal(t, "all 21 checks passed", live.Reason)
}

// TestNoPartOfARunIsGreenOrRed: whatever is cut off the end of a good run, the rest is unknown.
func TestNoPartOfARunIsGreenOrRed(t *testing.T) {
	t.Parallel()
	k := recovery.Known{Recovery: 300 * ms, Rate: 50, Jitter: 20 * ms}
	events := k.Events()
	for n := range len(events) - 1 {
		if n%7 != 0 && n > 50 && n < len(events)-50 {
			continue
		}
		j := judgeAll(k.Meta(), events[:n])
		require.Equal(t, check.Unknown, j.Verdict, "after %d of %d events: %s", n, len(events), j.Reason)
		require.NotEmpty(t, j.Reason)
	}
}

func TestTornAndDamagedFilesAreUnknown(t *testing.T) {
	t.Parallel()
	k := recovery.Known{Recovery: 300 * ms}
	file := fileOf(t, k.Events())
	require.Equal(t, check.Pass, judgeFile(t, file).Verdict)

	torn := judgeFile(t, file[:len(file)-1])
	require.Equal(t, check.Unknown, torn.Verdict)
	require.Contains(t, torn.Reason, "torn")
	require.NotNil(t, torn.Torn)

	extra := judgeFile(t, append(bytes.Clone(file), 1, 2, 3))
	require.Equal(t, check.Unknown, extra.Verdict, "even if the run's end is there")

	file[len(file)/2] ^= 1
	damaged := judgeFile(t, file)
	require.Equal(t, check.Unknown, damaged.Verdict)
	require.Contains(t, damaged.Damage, "damaged at byte")

	none := judgeFile(t, nil)
	require.Equal(t, check.Unknown, none.Verdict)

	bad := judgeFile(t, fileOf(t, []history.Event{{At: 1, Kind: history.Begin, Text: "no json"}}))
	require.Equal(t, check.Unknown, bad.Verdict)
	require.Contains(t, bad.Damage, "description")
}

// unreadable is a file on a disk that fails.
type unreadable struct{ io.ReaderAt }

func (u unreadable) ReadAt(b []byte, at int64) (int, error) {
	if at > 100 {
		return 0, syscall.EIO
	}
	return u.ReaderAt.ReadAt(b, at)
}

func TestUnreadableHistoryIsAnError(t *testing.T) {
	t.Parallel()
	file := fileOf(t, slices.Repeat([]history.Event{{At: 1, Kind: history.Log, Text: strings.Repeat("x", 1000)}}, 200))
	r, err := history.NewReader(unreadable{bytes.NewReader(file)}, int64(len(file)))
	require.NoError(t, err)
	_, err = check.Judge(r)
	require.ErrorIs(t, err, syscall.EIO)
}

// TestEachSabotageIsSeen takes a good run and breaks one thing in it, anywhere.
func TestEachSabotageIsSeen(t *testing.T) {
	t.Parallel()
	k := recovery.Known{Recovery: 300 * ms, Rate: 50, Jitter: 20 * ms}
	good := k.Events()
	kinds := map[history.Kind][]string{ // of which one event is dropped → the checks that may see it
		history.Effect:   {"no-loss"},
		history.Deliver:  {"settle"},
		history.InEffect: {"fault-in-effect"},
		history.Gone:     {"fault-gone"},
		history.Heal:     {"fault-gone"},
		history.End:      {"ran"},
		history.LoadEnd:  {"ran"},
	}
	var droppable []history.Kind
	for kind := range kinds {
		droppable = append(droppable, kind)
	}
	slices.Sort(droppable)
	rapid.Check(t, func(t *rapid.T) {
		events := slices.Clone(good)
		kind := rapid.SampledFrom(droppable).Draw(t, "kind")
		var at []int
		for i, e := range events {
			if e.Kind == kind {
				at = append(at, i)
			}
		}
		i := rapid.SampledFrom(at).Draw(t, "event")
		if kind == history.Effect && rapid.Bool().Draw(t, "double it") {
			events = slices.Insert(events, i, events[i])
			requireSeen(t, judgeAll(k.Meta(), events), "duplicates")
			return
		}
		requireSeen(t, judgeAll(k.Meta(), slices.Delete(events, i, i+1)), kinds[kind]...)
	})
}

func requireSeen(t *rapid.T, j *check.Judgement, names ...string) {
	require.NotEqual(t, check.Pass, j.Verdict)
	for _, r := range j.Results {
		if slices.Contains(names, r.Check) {
			require.NotEqual(t, check.Pass, r.Verdict, "%s: %s", r.Check, r.Reason)
		}
	}
}

// TestAnyHistoryCanBeJudged: events that make no sense are no reason to panic, and are never green.
func TestAnyHistoryCanBeJudged(t *testing.T) {
	t.Parallel()
	small := func(t *rapid.T, name string, limit uint64) uint64 {
		return rapid.OneOf(rapid.Uint64Range(0, 4), rapid.Uint64Range(0, limit)).Draw(t, name)
	}
	rapid.Check(t, func(t *rapid.T) {
		var events []history.Event
		at := uint64(0)
		for range rapid.IntRange(0, 60).Draw(t, "count") {
			at = min(math.MaxInt64, at+small(t, "gap", 1<<uint(rapid.IntRange(1, 61).Draw(t, "scale"))))
			events = append(events, history.Event{
				At:    time.Duration(at),
				Kind:  history.Kind(rapid.IntRange(1, history.Kinds-1).Draw(t, "kind")),
				Flags: history.Flags(rapid.Uint8().Draw(t, "flags")),
				Conn:  uint32(small(t, "conn", math.MaxUint32)),
				Chan:  uint16(small(t, "chan", math.MaxUint16)),
				Code:  rapid.Int32().Draw(t, "code"),
				Tag:   small(t, "tag", math.MaxUint64),
				Msg:   history.MsgID(small(t, "msg", math.MaxUint64)),
				N:     int64(small(t, "n", math.MaxUint64)),
				Who:   rapid.SampledFrom([]string{"", "load", "consumer/0", "jobs", "restart"}).Draw(t, "who"),
				Text:  rapid.SampledFrom([]string{"", "{}", "[]", "x"}).Draw(t, "text"),
			})
		}
		meta := recovery.Known{}.Meta()
		j := judgeAll(meta, events)
		require.NotEqual(t, check.Pass, j.Verdict)
		_, err := json.Marshal(j)
		require.NoError(t, err)
	})
}
