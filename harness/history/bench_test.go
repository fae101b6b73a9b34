package history_test

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// BenchmarkAppend writes typical messages; an op is one event.
func BenchmarkAppend(b *testing.B) {
	w, err := history.Create(history.Options{Path: filepath.Join(b.TempDir(), "history")})
	require.NoError(b, err)
	events := typical(1000)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		e := &events[i%len(events)]
		e.At = 0 // stamped: the clock is part of the cost
		w.Append(e)
	}
	b.StopTimer()
	require.NoError(b, w.Close())
}

// BenchmarkAppendParallel is the same from many goroutines at once.
func BenchmarkAppendParallel(b *testing.B) {
	w, err := history.Create(history.Options{Path: filepath.Join(b.TempDir(), "history")})
	require.NoError(b, err)
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		events := typical(100)
		for i := 0; p.Next(); i++ {
			e := events[i%len(events)]
			e.At = 0
			w.Append(&e)
		}
	})
	b.StopTimer()
	require.NoError(b, w.Close())
}

// BenchmarkRead reads 100,000 typical messages; an op is one event.
func BenchmarkRead(b *testing.B) {
	const messages = 100_000
	events := typical(messages)
	file := encode(b, events)
	b.ReportAllocs()
	b.ResetTimer()
	n := 0
	for n < b.N {
		r, err := history.NewReader(bytes.NewReader(file), int64(len(file)))
		require.NoError(b, err)
		for _, err := range r.All() {
			if err != nil {
				b.Fatal(err)
			}
			if n++; n >= b.N {
				break
			}
		}
	}
	b.ReportMetric(float64(len(file))/messages, "disk-B/message")
	b.ReportMetric(float64(len(file))/float64(len(events)), "disk-B/event")
}

// typical is what a number of messages leave behind, in order of time.
func typical(messages int) []history.Event {
	var events []history.Event
	for i := 1; i <= messages; i++ {
		events = append(events, message(i)...)
	}
	byTime(events)
	return events
}

func TestBytesPerMessageOnDisk(t *testing.T) {
	t.Parallel()
	const messages = 10_000
	file := encode(t, typical(messages))
	require.Less(t, len(file)/messages, 32, "docs/history.md says less than 32 bytes")
}
