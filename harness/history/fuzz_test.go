package history_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// FuzzReader reads any bytes as a file: no panic, times never go back, and the same again next time.
func FuzzReader(f *testing.F) {
	file, _ := someBlocks(f)
	f.Add(file)
	f.Add(file[:len(file)-3])
	f.Add(header(1, 0))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, file []byte) {
		r, err := history.NewReader(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			return
		}
		checkReadable(t, r)
	})
}

// FuzzBlock reads any bytes as the payload of a block with right checksums, which FuzzReader would
// never find; and what is read is written and read back.
func FuzzBlock(f *testing.F) {
	file, _ := someBlocks(f)
	f.Add(uint16(0), file[28:])
	f.Add(uint16(1), []byte{1, 120, 0, 0})
	f.Add(uint16(0), []byte("\x01\x05\xff\x01\xff\x05\x06\x07\x08\x09\x0a\x01\x03who"))
	f.Fuzz(func(t *testing.T, minor uint16, payload []byte) {
		if len(payload) == 0 || len(payload) > 1<<16 {
			return
		}
		file := append(header(1, minor), block(payload)...)
		r, err := history.NewReader(bytes.NewReader(file), int64(len(file)))
		require.NoError(t, err)
		events := checkReadable(t, r)
		got, torn, err := read(t, history.Encode(events))
		require.NoError(t, err)
		require.Nil(t, torn)
		if !slices.Equal(events, got) {
			t.Fatalf("wrote %+v, read %+v", events, got)
		}
	})
}

func checkReadable(t *testing.T, r *history.Reader) []history.Event {
	var events []history.Event
	var failed error
	for e, err := range r.All() {
		require.NoError(t, failed, "nothing comes after an error")
		if failed = err; err != nil {
			continue
		}
		if len(events) > 0 && events[len(events)-1].At > e.At {
			t.Fatalf("event %d goes back in time", len(events))
		}
		events = append(events, *e)
	}
	n := 0
	for e, err := range r.All() {
		if err != nil {
			break
		}
		if *e != events[n] {
			t.Fatalf("event %d is another one the second time: %+v, %+v", n, events[n], *e)
		}
		n++
	}
	require.Len(t, events, n)
	return events
}
