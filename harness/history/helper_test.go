package history_test

import (
	"bytes"
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// encode gives the bytes of a history of these events.
func encode(t testing.TB, events []history.Event) []byte {
	t.Helper()
	dir, err := os.MkdirTemp(t.TempDir(), "")
	require.NoError(t, err)
	path := filepath.Join(dir, "history")
	w, err := history.Create(history.Options{Path: path})
	require.NoError(t, err)
	for i := range events {
		w.Append(&events[i])
	}
	require.NoError(t, w.Close())
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	return file
}

// read gives a file's events, what was torn and the error.
func read(t testing.TB, file []byte) ([]history.Event, *history.Torn, error) {
	t.Helper()
	r, err := history.NewReader(bytes.NewReader(file), int64(len(file)))
	require.NoError(t, err)
	var got []history.Event
	for e, err := range r.All() {
		if err != nil {
			return got, r.Torn(), err
		}
		got = append(got, *e)
	}
	return got, r.Torn(), nil
}

// message is what the i-th message of a run typically leaves behind, 10 ms apart, with one confirm
// for every ten.
func message(i int) []history.Event {
	id, tag, at := history.MsgID(i), uint64(i), time.Duration(i)*10*time.Millisecond
	step := time.Duration(180_000 + i*7919%50_000) // not quite regular, as on a real machine
	events := []history.Event{
		{At: at, Kind: history.Offer, Msg: id},
		{At: at + step, Kind: history.Publish, Conn: 1, Chan: 1, Tag: tag, Msg: id, Who: "jobs"},
		{At: at + 3*step, Kind: history.Deliver, Conn: 2, Chan: 1, Tag: tag, Msg: id},
		{At: at + 30*step, Kind: history.Effect, Msg: id, Code: 201, Who: "api"},
		{At: at + 31*step, Kind: history.Ack, Conn: 2, Chan: 1, Tag: tag},
	}
	if i%10 == 0 {
		events = append(events, history.Event{
			At: at + 32*step, Kind: history.Confirm, Conn: 1, Chan: 1, Tag: tag, Flags: history.Multiple,
		})
	}
	return events
}

func byTime(events []history.Event) {
	slices.SortStableFunc(events, func(a, b history.Event) int { return cmp.Compare(a.At, b.At) })
}

// requireSame compares event by event: a diff of many thousands takes minutes.
func requireSame(t require.TestingT, want, got []history.Event) {
	for i := range min(len(want), len(got)) {
		if want[i] != got[i] {
			require.Equal(t, want[i], got[i], "event %d of %d", i, len(want))
		}
	}
	require.Equal(t, len(want), len(got), "number of events")
}
