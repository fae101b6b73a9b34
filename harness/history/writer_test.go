package history_test

import (
	"bufio"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

func TestMain(m *testing.M) {
	if path := os.Getenv("HISTORY_WRITE_UNTIL_KILLED"); path != "" {
		writeUntilKilled(path)
	}
	goleak.VerifyTestMain(m)
}

func create(t testing.TB, o history.Options) *history.Writer {
	t.Helper()
	if o.Path == "" {
		o.Path = filepath.Join(t.TempDir(), "history")
	}
	w, err := history.Create(o)
	require.NoError(t, err)
	t.Cleanup(func() { w.Close() })
	return w
}

func TestTimesNeverGoBack(t *testing.T) {
	t.Parallel()
	now := time.Duration(50)
	var seen []time.Duration
	w := create(t, history.Options{
		Now:     func() time.Duration { return now },
		Observe: func(e *history.Event) { seen = append(seen, e.At) },
	})
	for _, at := range []time.Duration{10, 0, 40, -7, 60, math.MaxInt64, 70, 0} {
		e := history.Event{At: at, Kind: history.Mark}
		w.Append(&e)
		require.Equal(t, at, e.At, "the caller's event is not changed")
	}
	require.Equal(t, []time.Duration{10, 50, 50, 50, 60, math.MaxInt64, math.MaxInt64, math.MaxInt64}, seen)
}

func TestEventsAreOnDiskAfterTenthOfASecond(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "history")
	synctest.Test(t, func(t *testing.T) {
		w, err := history.Create(history.Options{Path: path})
		require.NoError(t, err)
		w.Append(&history.Event{Kind: history.Mark, Who: "here"})
		time.Sleep(101 * time.Millisecond) // bubble time
		synctest.Wait()
		file, err := os.ReadFile(path)
		require.NoError(t, err)
		got, torn, err := read(t, file)
		require.NoError(t, err)
		require.Nil(t, torn)
		require.Len(t, got, 1)
		require.NoError(t, w.Close())
	})
}

func TestManyGoroutinesAppendInOrder(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "history")
	observed := 0
	w := create(t, history.Options{Path: path, Observe: func(*history.Event) { observed++ }})
	var group sync.WaitGroup
	const each, writers = 5000, 8
	for g := range writers {
		group.Go(func() {
			for i := range each {
				w.Append(&history.Event{Kind: history.Ack, Conn: uint32(g), Tag: uint64(i + 1)})
			}
		})
	}
	group.Wait()
	require.NoError(t, w.Close())
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	got, torn, err := read(t, file)
	require.NoError(t, err)
	require.Nil(t, torn)
	require.Len(t, got, each*writers)
	require.Equal(t, each*writers, observed)
	var last [writers]uint64
	for i, e := range got {
		require.Equal(t, last[e.Conn]+1, e.Tag, "each writer's own order is kept")
		last[e.Conn] = e.Tag
		require.True(t, i == 0 || got[i-1].At <= e.At)
	}
}

func TestFullDiskIsToldOnceAndKept(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("there is no /dev/full here")
	}
	_, err := history.Create(history.Options{Path: "/dev/full"})
	require.Error(t, err, "an existing file is never written over")

	// A file that may grow no further behaves like one on a full disk: writes fail. The limit is the
	// process's, so a process of its own has it.
	out, err := exec.Command(os.Args[0], "-test.run=^TestWriterOnAFullDisk$", "-test.v").CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "PASS: TestWriterOnAFullDisk")
}

func TestWriterOnAFullDisk(t *testing.T) {
	if !strings.Contains(strings.Join(os.Args, " "), "TestWriterOnAFullDisk") {
		t.Skip("runs in a process of its own")
	}
	path := filepath.Join(t.TempDir(), "history")
	w, err := history.Create(history.Options{Path: path})
	require.NoError(t, err)
	limit := syscall.Rlimit{Cur: 200_000, Max: 200_000}
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit)) // Go ignores SIGXFSZ: EFBIG

	text := strings.Repeat("x", 1000)
	for range 1000 {
		w.Append(&history.Event{Kind: history.Log, Text: text})
	}
	<-w.Failed()
	require.ErrorIs(t, w.Flush(), syscall.EFBIG)
	w.Append(&history.Event{Kind: history.Log, Text: "dropped"})
	require.ErrorIs(t, w.Err(), syscall.EFBIG)
	require.ErrorContains(t, w.Close(), path)
	require.ErrorIs(t, w.Close(), syscall.EFBIG, "a second Close tells it again")

	file, err := os.ReadFile(path)
	require.NoError(t, err)
	got, torn, err := read(t, file)
	require.NoError(t, err, "what was written before is readable")
	require.NotNil(t, torn)
	require.NotEmpty(t, got)
}

func TestAfterCloseEventsAreDropped(t *testing.T) {
	t.Parallel()
	n := 0
	w := create(t, history.Options{Observe: func(*history.Event) { n++ }})
	require.NoError(t, w.Close())
	w.Append(&history.Event{Kind: history.Mark})
	require.Zero(t, n)
	require.Error(t, w.Flush())
}

func TestAppendOfNoKindPanics(t *testing.T) {
	t.Parallel()
	w := create(t, history.Options{})
	require.Panics(t, func() { w.Append(&history.Event{}) })
	require.Panics(t, func() { w.Append(&history.Event{Kind: history.Kind(history.Kinds)}) })
}

func TestLongTextsAreCut(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("y", 1<<20+5)
	got, _, err := read(t, encode(t, []history.Event{{At: 1, Kind: history.Log, Who: long, Text: long}, {At: 2, Kind: history.Log, Who: long}}))
	require.NoError(t, err)
	require.Len(t, got, 2)
	for _, s := range []string{got[0].Who, got[0].Text, got[1].Who} {
		require.Len(t, s, 1<<20)
	}
}

func TestManyNames(t *testing.T) {
	t.Parallel()
	var want []history.Event
	for i := range 70_000 {
		want = append(want, history.Event{At: 1, Kind: history.Mark, Who: history.MsgID(i % 69_000).String()})
	}
	got, _, err := read(t, encode(t, want))
	require.NoError(t, err)
	requireSame(t, want, got)
}

func TestKilledWriterLeavesAReadableFile(t *testing.T) {
	t.Parallel()
	for range 5 {
		path := filepath.Join(t.TempDir(), "history")
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "HISTORY_WRITE_UNTIL_KILLED="+path)
		out, err := child.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, child.Start())
		_, err = bufio.NewReader(out).ReadString('\n') // the first flush is done
		require.NoError(t, err)
		require.NoError(t, child.Process.Kill())
		var exit *exec.ExitError
		require.True(t, errors.As(child.Wait(), &exit))

		file, err := os.ReadFile(path)
		require.NoError(t, err)
		got, _, err := read(t, file)
		require.NoError(t, err)
		require.GreaterOrEqual(t, len(got), 1000)
		for i, e := range got {
			require.EqualValues(t, i+1, e.Msg, "no hole in what is left")
		}
	}
}

func writeUntilKilled(path string) {
	w, err := history.Create(history.Options{Path: path})
	if err != nil {
		panic(err)
	}
	for i := 1; ; i++ {
		w.Append(&history.Event{Kind: history.Offer, Msg: history.MsgID(i)})
		if i == 1000 {
			if err := w.Flush(); err != nil {
				panic(err)
			}
			os.Stdout.WriteString("ready\n")
		}
	}
}
