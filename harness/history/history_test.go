package history_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

func TestWrittenEventsAreReadBack(t *testing.T) {
	t.Parallel()
	want := []history.Event{{At: 1, Kind: history.Begin, Text: "{}"}}
	for i := 1; i <= 20_000; i++ {
		want = append(want, message(i)...)
	}
	want = append(want, history.Event{At: 1000 * time.Second, Kind: history.End, Text: "done"})
	byTime(want)
	got, torn, err := read(t, encode(t, want))
	require.NoError(t, err)
	require.Nil(t, torn)
	requireSame(t, want, got)
}

// anyEvent draws an event with every field at any value, at a time not before from.
func anyEvent(t *rapid.T, from time.Duration) history.Event {
	who := rapid.OneOf(rapid.SampledFrom([]string{"", "load", "consumer/0", "api"}), rapid.String())
	return history.Event{
		At:    time.Duration(rapid.OneOf(rapid.Int64Range(int64(from), int64(from)+1000), rapid.Int64Range(int64(from), math.MaxInt64)).Draw(t, "at")),
		Kind:  history.Kind(rapid.IntRange(1, history.Kinds-1).Draw(t, "kind")),
		Flags: history.Flags(rapid.Uint8().Draw(t, "flags")),
		Conn:  rapid.Uint32().Draw(t, "conn"),
		Chan:  rapid.Uint16().Draw(t, "chan"),
		Code:  rapid.Int32().Draw(t, "code"),
		Tag:   rapid.Uint64().Draw(t, "tag"),
		Msg:   history.MsgID(rapid.Uint64().Draw(t, "msg")),
		N:     rapid.Int64().Draw(t, "n"),
		Who:   who.Draw(t, "who"),
		Text:  rapid.String().Draw(t, "text"),
	}
}

func TestAnyEventIsReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		var want []history.Event
		at := time.Duration(1) // 0 would be stamped
		for range rapid.IntRange(0, 30).Draw(rt, "count") {
			e := anyEvent(rt, min(at, math.MaxInt64-1000))
			e.At = max(at, e.At)
			at = e.At
			want = append(want, e)
		}
		got, torn, err := read(t, encode(t, want))
		require.NoError(rt, err)
		require.Nil(rt, torn)
		requireSame(rt, want, got)
	})
}

// someBlocks is a file of several blocks, and its events.
func someBlocks(t testing.TB) ([]byte, []history.Event) {
	var want []history.Event
	path := filepath.Join(t.TempDir(), "history")
	w, err := history.Create(history.Options{Path: path})
	require.NoError(t, err)
	for i := 1; i <= 40; i++ {
		for _, e := range message(i) {
			e.At = time.Duration(len(want) + 1)
			want = append(want, e)
			w.Append(&e)
		}
		if i%10 == 0 {
			require.NoError(t, w.Flush())
		}
	}
	require.NoError(t, w.Close())
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	return file, want
}

func TestFileCutAtEveryByteGivesAPrefix(t *testing.T) {
	t.Parallel()
	file, want := someBlocks(t)
	whole, last := 0, 0
	for cut := range len(file) + 1 {
		got, torn, err := read(t, file[:cut])
		require.NoError(t, err, "cut at %d", cut)
		require.GreaterOrEqual(t, len(got), last, "cut at %d", cut)
		last = len(got)
		requireSame(t, want[:len(got)], got)
		if torn == nil {
			whole++
			continue
		}
		require.EqualValues(t, cut, torn.Offset+torn.Bytes, "cut at %d", cut)
	}
	require.Equal(t, len(want), last)
	require.GreaterOrEqual(t, whole, 5, "cuts between blocks are not torn: the header and after each of 4 flushes")
}

func TestEveryDamagedByteIsFound(t *testing.T) {
	t.Parallel()
	file, want := someBlocks(t)
	for i := range file {
		damaged := bytes.Clone(file)
		damaged[i] ^= 0x10
		r, err := history.NewReader(bytes.NewReader(damaged), int64(len(damaged)))
		if err != nil {
			require.Less(t, i, 16, "only the header is read by Open")
			continue
		}
		n := 0
		for e, err2 := range r.All() {
			if err = err2; err != nil {
				break
			}
			require.Equal(t, want[n], *e)
			n++
		}
		var corrupt *history.Corrupt
		require.ErrorAs(t, err, &corrupt, "byte %d", i)
		require.LessOrEqual(t, corrupt.Offset, int64(i))
		require.Less(t, n, len(want))
	}
}

func TestTailOfZerosIsTorn(t *testing.T) {
	t.Parallel()
	file, want := someBlocks(t)
	got, torn, err := read(t, append(bytes.Clone(file), make([]byte, 4096)...))
	require.NoError(t, err)
	requireSame(t, want, got)
	require.Equal(t, &history.Torn{Offset: int64(len(file)), Bytes: 4096}, torn)
}

// header makes a file's header with this version.
func header(major, minor uint16) []byte {
	b := binary.LittleEndian.AppendUint16([]byte("comeback"), major)
	b = binary.LittleEndian.AppendUint16(b, minor)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
}

// block makes a block with right checksums around a payload.
func block(payload []byte) []byte {
	table := crc32.MakeTable(crc32.Castagnoli)
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(payload)))
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(payload, table))
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, table))
	return append(b, payload...)
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, c := range map[string]struct {
		file []byte
		is   error
		says string
	}{
		"another file": {[]byte("#!/bin/sh\nexit 0\n"), history.ErrNotHistory, `begins with "#!/bin/s"`},
		"short text":   {[]byte("hi"), history.ErrNotHistory, `"hi"`},
		"newer format": {header(2, 0), history.ErrVersion, "format 2, and this one reads format 1"},
	} {
		path := filepath.Join(dir, strings.ReplaceAll(name, " ", "-"))
		require.NoError(t, os.WriteFile(path, c.file, 0o600))
		_, err := history.Open(path)
		require.ErrorIs(t, err, c.is, name)
		require.ErrorContains(t, err, c.says, name)
		require.ErrorContains(t, err, path, name)
	}
	_, err := history.Open(filepath.Join(dir, "missing"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestUnknownKindIsAnErrorThatSaysSo(t *testing.T) {
	t.Parallel()
	payload := []byte{1, 120, 0, 0} // from time 1 on: kind 120, no fields, no time passed
	_, _, err := read(t, append(header(1, 7), block(payload)...))
	require.ErrorIs(t, err, history.ErrVersion)
	require.ErrorContains(t, err, "event kind 120")
	require.ErrorContains(t, err, "file format 1.7")

	var corrupt *history.Corrupt
	_, _, err = read(t, append(header(1, 0), block(payload)...))
	require.ErrorAs(t, err, &corrupt, "the same version has no such kind: damage")
}

func TestReaderBeginsAgainWithEachAll(t *testing.T) {
	t.Parallel()
	file, want := someBlocks(t)
	r, err := history.NewReader(bytes.NewReader(file[:len(file)-1]), int64(len(file)-1))
	require.NoError(t, err)
	for range 2 {
		n := 0
		for e, err := range r.All() {
			require.NoError(t, err)
			require.Equal(t, want[n], *e)
			n++
		}
		require.NotZero(t, n)
		require.NotNil(t, r.Torn())
	}
}

func TestPayloadThatMakesNoSenseIsDamage(t *testing.T) {
	t.Parallel()
	number := func(v uint64, before ...byte) []byte { return binary.AppendUvarint(before, v) }
	offer := byte(history.Offer)
	for says, payload := range map[string][]byte{
		"block of 0 bytes":       {},
		"base time":              number(1 << 63),
		"time out of range":      append(number(math.MaxInt64), offer, 0, 1),
		"number out of range":    append([]byte{1, offer, 0x02, 0}, number(1<<32)...),
		"text out of range":      append([]byte{1, offer | 0x80, 0, 0}, number(5)...),
		"name out of range":      {1, offer, 0x80, 0, 2},
		"cut short":              {1, offer},
		"cut short or too long":  append([]byte{1, offer, 0}, bytes.Repeat([]byte{0xff}, 11)...),
		"no such event kind: 0":  {1, 0, 0, 0},
		"no such event kind: 99": {1, 99, 0, 0},
	} {
		_, _, err := read(t, append(header(1, 0), block(payload)...))
		var corrupt *history.Corrupt
		require.ErrorAs(t, err, &corrupt, says)
		require.Contains(t, err.Error(), says)
		require.EqualValues(t, 16, corrupt.Offset, says)
	}
	long := append(number(1<<20+1, 1, offer|0x80, 0, 0), make([]byte, 1<<20+1)...)
	_, _, err := read(t, append(header(1, 0), block(long)...))
	require.ErrorContains(t, err, "text out of range")
}
