package history_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// write records events and gives the file's path.
func write(t testing.TB, events ...history.Event) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "history")
	w, err := history.Create(history.Options{Path: path})
	require.NoError(t, err)
	for i := range events {
		w.Append(&events[i])
	}
	require.NoError(t, w.Close())
	return path
}

// read gives a file's events, what was torn and the error.
func read(t testing.TB, path string) ([]history.Event, *history.Torn, error) {
	t.Helper()
	r, err := history.Open(path)
	require.NoError(t, err)
	defer r.Close()
	var got []history.Event
	for e, err := range r.All() {
		if err != nil {
			return got, r.Torn(), err
		}
		got = append(got, *e)
	}
	return got, r.Torn(), nil
}

// message is what one message of a run typically leaves behind, every tenth confirm being multiple.
func message(i int, at time.Duration) []history.Event {
	id, tag := history.MsgID(i), uint64(i)
	step := 180 * time.Microsecond
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

func TestWrittenEventsAreReadBack(t *testing.T) {
	t.Parallel()
	want := []history.Event{{At: 1, Kind: history.Begin, Text: "{}"}}
	for i := 1; i <= 20_000; i++ {
		want = append(want, message(i, time.Duration(i)*10*time.Millisecond)...)
	}
	want = append(want, history.Event{At: 1000 * time.Second, Kind: history.End, Text: "done"})
	slicesSortByTime(want)
	path := write(t, want...)
	got, torn, err := read(t, path)
	require.NoError(t, err)
	require.Nil(t, torn)
	require.Equal(t, want, got)
	info, err := os.Stat(path)
	require.NoError(t, err)
	t.Logf("%.1f bytes a message", float64(info.Size())/20_000)
}
