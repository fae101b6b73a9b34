package reports

import (
	"errors"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

func TestEvents(t *testing.T) {
	t.Parallel()
	var events iter.Seq2[*history.Event, error] = func(yield func(*history.Event, error) bool) {
		_ = yield(&history.Event{At: 1500 * time.Millisecond, Kind: history.Deliver, Conn: 2, Chan: 1, Tag: 7, Msg: 12, Flags: history.Redelivered}, nil) &&
			yield(&history.Event{At: 2 * time.Second, Kind: history.Log, Who: "consumer/0", Text: "a\x1b[31mb"}, nil)
	}
	var b strings.Builder
	require.NoError(t, Events(&b, events))
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	require.Equal(t, []string{"1.500000", "deliver", "conn=2", "ch=1", "tag=7", "msg=m12", "flags=00000100"}, strings.Fields(lines[0]))
	require.Contains(t, lines[1], "consumer/0")
	require.NotContains(t, lines[1], "\x1b", "a terminal must not obey what a process has printed")

	boom := errors.New("torn in the middle")
	require.ErrorIs(t, Events(&b, func(yield func(*history.Event, error) bool) { yield(nil, boom) }), boom)
}
