package history_test

import (
	"flag"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

var update = flag.Bool("update", false, "write the golden files")

// sample has every kind, every field and every way of writing one.
func sample() []history.Event {
	events := []history.Event{{At: 5, Kind: history.Begin, Text: `{"scenario":"sample"}`}}
	for i := 1; i <= 3; i++ {
		events = append(events, message(i*10)...)
	}
	for k := 1; k < history.Kinds; k++ {
		events = append(events, history.Event{At: 1e9, Kind: history.Kind(k), Who: "load"})
	}
	return append(events,
		history.Event{At: 1e9 + 1, Kind: history.Deliver, Msg: history.ParseMsgID([]byte("order-7")), Tag: math.MaxUint64, Flags: 255},
		history.Event{At: 1e9 + 1, Kind: history.Deliver, Conn: math.MaxUint32, Chan: math.MaxUint16, Code: math.MinInt32, N: math.MinInt64},
		history.Event{At: 1e9 + 2, Kind: history.Log, Who: "grüße/0", Text: strings.Repeat("long ", 40)},
		history.Event{At: 1e9 + 2, Kind: history.Log, Who: "load", Code: -1},
		history.Event{At: math.MaxInt64, Kind: history.End, Text: "done"})
}

// dump writes events as v1.txt has them.
func dump(events []history.Event) string {
	var b strings.Builder
	for _, e := range events {
		fmt.Fprintf(&b, "%d %s flags=%d conn=%d chan=%d code=%d tag=%d msg=%d n=%d who=%q text=%q\n",
			e.At, e.Kind, e.Flags, e.Conn, e.Chan, e.Code, e.Tag, uint64(e.Msg), e.N, e.Who, e.Text)
	}
	return b.String()
}

// TestFormatIsStable guards files that were written long ago: version 1 must stay readable.
func TestFormatIsStable(t *testing.T) {
	t.Parallel()
	events := sample()
	byTime(events)
	file := history.Encode(events)
	if *update {
		require.NoError(t, os.WriteFile("testdata/v1.history", file, 0o644))
		require.NoError(t, os.WriteFile("testdata/v1.txt", []byte(dump(events)), 0o644))
	}
	want, err := os.ReadFile("testdata/v1.history")
	require.NoError(t, err)
	text, err := os.ReadFile("testdata/v1.txt")
	require.NoError(t, err)
	got, torn, err := read(t, want)
	require.NoError(t, err)
	require.Nil(t, torn)
	require.Equal(t, string(text), dump(got))
	require.Equal(t, want, file, "the writer writes what it wrote")
}

// TestDocumentListsEveryKind keeps the page that other readers are written from complete.
func TestDocumentListsEveryKind(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/history.md")
	require.NoError(t, err)
	for k := 1; k < history.Kinds; k++ {
		require.Contains(t, string(page), fmt.Sprintf("| %d | `%s` |", k, history.Kind(k)))
	}
}
