package hostmem

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/shirou/gopsutil/v4/mem"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// TestMain lets the test binary be a target that reads its memory once for each line on stdin.
func TestMain(m *testing.M) {
	if os.Getenv("HOSTMEM_TEST_READER") != "" {
		in := bufio.NewScanner(os.Stdin)
		for in.Scan() {
			v, err := mem.VirtualMemory()
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			fmt.Println(v)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// target is a process with HOST_PROC set to the fixture.
type target struct {
	in  io.WriteCloser
	out *bufio.Reader
}

func newTarget(t *testing.T, dir string) *target {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "HOSTMEM_TEST_READER=1", "HOST_PROC="+dir)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		in.Close()
		require.NoError(t, cmd.Wait())
	})
	return &target{in: in, out: bufio.NewReader(out)}
}

func (p *target) read(t *testing.T) mem.VirtualMemoryStat {
	t.Helper()
	_, err := io.WriteString(p.in, "\n")
	require.NoError(t, err)
	line, err := p.out.ReadString('\n')
	require.NoError(t, err)
	var v mem.VirtualMemoryStat
	require.NoError(t, json.Unmarshal([]byte(line), &v))
	return v
}

func newFixture(t *testing.T) (*Fixture, chan State) {
	t.Helper()
	reads := make(chan State, 100)
	f := New(filepath.Join(t.TempDir(), "proc"))
	f.OnRead = func(s State) { reads <- s }
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	return f, reads
}

// A real gopsutil in a real process sees each state, and we are told which one it saw.
func TestProcessReadsWhatWasSet(t *testing.T) {
	t.Parallel()
	f, reads := newFixture(t)
	require.NoError(t, f.Set(Unset()))
	p := newTarget(t, f.Dir)
	custom := State{Name: "tiny", Total: 512 << 20, Available: 100 << 20, SwapTotal: 3 << 20, SwapFree: 1 << 20}
	for _, s := range []State{Unset(), OK(), Low(), custom, Unset()} {
		require.NoError(t, f.Set(s))
		require.Equal(t, s, f.State())
		for range 2 {
			v := p.read(t)
			require.Equal(t, s.Total, v.Total)
			require.Equal(t, s.Available, v.Available)
			require.Equal(t, s.SwapTotal, v.SwapTotal)
			require.Equal(t, s.SwapFree&^1023, v.SwapFree)
			require.LessOrEqual(t, v.Free, v.Available)
			require.Equal(t, s, <-reads)
		}
	}
	require.Empty(t, reads)
}

// Who opened the fixture before it changed has read the old state, also when they read it later.
func TestSlowReaderReadTheOldState(t *testing.T) {
	t.Parallel()
	f, reads := newFixture(t)
	require.NoError(t, f.Set(OK()))
	file, err := os.Open(filepath.Join(f.Dir, "meminfo"))
	require.NoError(t, err)
	require.NoError(t, f.Set(Low()))
	text, err := io.ReadAll(file)
	require.NoError(t, err)
	require.Equal(t, OK().meminfo(), string(text))
	require.NoError(t, file.Close())
	require.Equal(t, OK(), <-reads)
}

func TestOpeningIsNotReading(t *testing.T) {
	t.Parallel()
	f, reads := newFixture(t)
	require.NoError(t, f.Set(OK()))
	path := filepath.Join(f.Dir, "meminfo")
	file, err := os.Open(path)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	require.NoError(t, f.Set(Low()))
	_, err = os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, Low(), <-reads)
}

// Whoever reads while it changes sees one state, whole.
func TestChangeIsAtomic(t *testing.T) {
	t.Parallel()
	f := New(t.TempDir())
	require.NoError(t, f.Set(OK()))
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(done)
		for i := range 100 {
			if err := f.Set([]State{Unset(), OK(), Low()}[i%3]); err != nil {
				t.Error(err)
			}
		}
	})
	whole := map[string]bool{Unset().meminfo(): true, OK().meminfo(): true, Low().meminfo(): true}
	for reading := true; reading; {
		text, err := os.ReadFile(filepath.Join(f.Dir, "meminfo"))
		require.NoError(t, err)
		require.True(t, whole[string(text)], "%s", text)
		select {
		case <-done:
			reading = false
		default:
		}
	}
	wg.Wait()
}

// The fixture has what the machine's own meminfo has, in the same form.
func TestMeminfoLooksReal(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("/proc/meminfo")
	require.NoError(t, err)
	ours := map[string]string{}
	for line := range strings.Lines(OK().meminfo()) {
		name, rest, ok := strings.Cut(line, ":")
		require.True(t, ok, line)
		ours[name] = rest
	}
	for line := range strings.Lines(string(text)) {
		name, rest, _ := strings.Cut(line, ":")
		switch name {
		case "MemTotal", "MemFree", "MemAvailable", "Cached", "SwapTotal", "SwapFree", "HugePages_Total":
			require.Len(t, strings.Fields(ours[name]), len(strings.Fields(rest)), name)
			require.Len(t, ours[name], len(rest), "%s: columns as the kernel's", name)
		}
	}
	for _, s := range []State{Unset(), OK(), Low()} {
		require.NotContains(t, s.meminfo(), "-")
	}
}

func TestStates(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"unset", "ok", "low"} {
		s, err := Named(name)
		require.NoError(t, err)
		require.Equal(t, name, s.Name)
		require.NoError(t, s.Check())
	}
	_, err := Named("lwo")
	require.ErrorContains(t, err, "lwo")
	f := New(t.TempDir())
	require.ErrorContains(t, f.Set(State{}), "total is 0")
	require.ErrorContains(t, f.Set(State{Name: "x", Total: 1, Available: 2}), "more is free")
	require.ErrorContains(t, f.Set(State{Name: "x", Total: 1, SwapFree: 2}), "more is free")
	_, err = os.Stat(filepath.Join(f.Dir, "meminfo"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestCannotTell(t *testing.T) {
	t.Parallel()
	f, _ := newFixture(t)
	f.blind = errors.New("no inotify here")
	err := f.Set(Low())
	require.ErrorIs(t, err, ErrCannotTell)
	require.ErrorContains(t, err, "no inotify here")
	text, err := os.ReadFile(filepath.Join(f.Dir, "meminfo"))
	require.NoError(t, err)
	require.Equal(t, Low().meminfo(), string(text), "it is in place all the same")
}

func TestHookMayUseTheFixture(t *testing.T) {
	t.Parallel()
	f := New(t.TempDir())
	set := make(chan error, 1)
	f.OnRead = func(s State) {
		if s == Unset() {
			set <- f.Set(OK())
		}
	}
	require.NoError(t, f.Set(Unset()))
	_, err := os.ReadFile(filepath.Join(f.Dir, "meminfo"))
	require.NoError(t, err)
	require.NoError(t, <-set)
	require.NoError(t, f.Close())
	require.NoError(t, f.Close())
}
