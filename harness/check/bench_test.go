package check

import (
	"encoding/json"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// BenchmarkJudge judges a history file of 1 M messages, or of COMEBACK_BENCH_MESSAGES. An op is one
// message: ns/op and the metrics are per message.
func BenchmarkJudge(b *testing.B) { benchmarkJudge(b, "consumer", messageSteps) }

// BenchmarkJudgeRequests does the same with requests.
func BenchmarkJudgeRequests(b *testing.B) { benchmarkJudge(b, "proxy", requestSteps) }

// steps is the way of the n-th message or request, as the target's history has it; put takes an event now, or
// gap/2 later.
type steps func(n int, put func(history.Event), later func())

func benchmarkJudge(b *testing.B, target string, way steps) {
	messages := 1_000_000
	if s := os.Getenv("COMEBACK_BENCH_MESSAGES"); s != "" {
		n, err := strconv.Atoi(s)
		require.NoError(b, err)
		messages = n
	}
	path := writeRun(b, messages, target, way)
	b.ResetTimer()
	start, used := time.Now(), cpu(b)
	runs := 0
	for done := 0; done < b.N || runs == 0; done += messages {
		r, err := history.Open(path)
		require.NoError(b, err)
		j, err := Judge(r)
		require.NoError(b, err)
		require.Equal(b, Pass, j.Verdict, j.Reason)
		require.EqualValues(b, messages, j.Ledger.Total.Offered)
		require.NoError(b, r.Close())
		runs++
	}
	b.ReportMetric(float64(time.Since(start).Nanoseconds())/float64(runs)/float64(messages), "ns/message")
	b.ReportMetric(time.Since(start).Seconds()/float64(runs), "s/judgement")
	b.ReportMetric((cpu(b)-used).Seconds()/float64(runs), "cpu-s/judgement")
	b.StopTimer()
	b.ReportMetric(float64(heapOfFacts(b, path))/float64(messages), "B/message")
}

// cpu is the processor time used so far: on a busy machine it tells more than the clock.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// heapOfFacts is the memory that stays in use for the Facts of a history.
func heapOfFacts(b *testing.B, path string) uint64 {
	r, err := history.Open(path)
	require.NoError(b, err)
	defer r.Close()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	facts := gather(nil, r.All())
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(facts)
	return after.HeapAlloc - before.HeapAlloc
}

// messageSteps is a message's way.
func messageSteps(n int, put func(history.Event), later func()) {
	id, tag := history.MsgID(n), uint64(n)
	put(history.Event{Kind: history.Offer, Msg: id})
	put(history.Event{Kind: history.Publish, Conn: 1, Chan: 1, Tag: tag, Msg: id, Who: "jobs"})
	put(history.Event{Kind: history.Deliver, Conn: 2, Chan: 1, Tag: tag, Msg: id})
	if n%10 == 0 {
		put(history.Event{Kind: history.Confirm, Conn: 1, Chan: 1, Tag: tag, Flags: history.Multiple})
	}
	later()
	put(history.Event{Kind: history.Effect, Msg: id, Code: 201, Who: "api"})
	put(history.Event{Kind: history.Ack, Conn: 2, Chan: 1, Tag: tag})
	if n%1000 == 0 {
		put(history.Event{Kind: history.Depth, Who: "jobs", Code: 1})
	}
}

// requestSteps is a request's way, with now and then one that is tried again and a health check.
func requestSteps(n int, put func(history.Event), later func()) {
	id, by := history.MsgID(n), history.BackendName(n%2)
	put(history.Event{Kind: history.Offer, Msg: id, Text: "GET /items/7"})
	put(history.Event{Kind: history.Take, Msg: id, Who: by, N: int64(n), Text: "GET /items/7"})
	if n%100 == 0 {
		put(history.Event{Kind: history.Take, Msg: id, Who: by, N: int64(n), Text: "GET /items/7"})
	}
	later()
	put(history.Event{Kind: history.Give, Msg: id, Who: by, N: int64(n), Code: 200})
	put(history.Event{Kind: history.Answer, Msg: id, Code: 200, N: 50, Who: "1", Text: by, Flags: history.Good})
	if n%1000 == 0 {
		put(history.Event{Kind: history.Health, Who: by, Code: 200, N: 100})
	}
}

// writeRun writes a run of so many messages, 10,000 a second, straight to a file: ten million of them
// would not fit in memory as events.
func writeRun(b *testing.B, messages int, target string, way steps) string {
	const gap = 100 * time.Microsecond
	meta := history.Meta{
		Scenario: "bench", Target: target, HTTP: target == "proxy", Rate: float64(time.Second / gap), Duration: time.Duration(messages) * gap,
		Expect: history.Expect{Recovery: time.Second},
	}
	text, err := json.Marshal(meta)
	require.NoError(b, err)
	path := b.TempDir() + "/history"
	w, err := history.Create(history.Options{Path: path})
	require.NoError(b, err)
	now := time.Duration(1)
	put := func(e history.Event) {
		e.At = now
		w.Append(&e)
	}
	put(history.Event{Kind: history.Begin, Text: string(text)})
	put(history.Event{Kind: history.ProcStart, Who: target + "/0", N: 1})
	if !meta.HTTP {
		put(history.Event{Kind: history.ConnOpen, Conn: 1, Who: "load"})
		put(history.Event{Kind: history.ConnOpen, Conn: 2, Who: "consumer/0"})
		put(history.Event{Kind: history.Consume, Conn: 2, Chan: 1, Who: "jobs"})
	}
	put(history.Event{Kind: history.LoadBegin})
	for n := 1; n <= messages; n++ {
		now = time.Duration(n) * gap
		way(n, put, func() { now += gap / 2 })
		switch n {
		case messages / 2:
			put(history.Event{Kind: history.Inject, N: 1, Who: "nothing"})
			put(history.Event{Kind: history.InEffect, N: 1, Who: "nothing"})
		case messages * 3 / 5:
			put(history.Event{Kind: history.Heal, N: 1, Who: "nothing"})
			put(history.Event{Kind: history.Gone, N: 1, Who: "nothing"})
		}
	}
	now += gap
	put(history.Event{Kind: history.LoadEnd})
	if !meta.HTTP {
		put(history.Event{Kind: history.Leftover, Who: "jobs"})
	}
	put(history.Event{Kind: history.End})
	require.NoError(b, w.Close())
	return path
}
