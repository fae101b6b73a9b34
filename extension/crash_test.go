package extension

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/harness"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// TestKilledHarnessLeavesNothing kills k6 at random moments of a run, from its start to its judgement.
func TestKilledHarnessLeavesNothing(t *testing.T) {
	t.Parallel()
	const seed = 20261122
	random := rand.New(rand.NewPCG(seed, seed))
	file := script(t, "{ recovery: '3s' }", begins+submits+tells)
	for i := range 6 {
		after := time.Duration(random.Int64N(int64(7 * time.Second)))
		t.Run(fmt.Sprintf("%d after %v", i, after), func(t *testing.T) {
			t.Parallel()
			slot(t)
			p, out, tmp := begin(t, file)
			timer := time.NewTimer(after)
			defer timer.Stop()
			<-timer.C
			require.NoError(t, p.Process.Kill())
			_ = p.Wait()
			requireNothingLeft(t, tmp)
			requireReadable(t, out)
		})
	}
}

// requireReadable wants the history of a killed run to be readable up to its torn end.
func requireReadable(t *testing.T, out string) {
	t.Helper()
	r, err := history.Open(filepath.Join(out, harness.HistoryFile))
	if errors.Is(err, fs.ErrNotExist) {
		return // killed before it had begun
	}
	require.NoError(t, err)
	defer r.Close()
	for _, err := range r.All() {
		require.NoError(t, err)
	}
}

// requireNothingLeft waits until no process and no folder of the labs in tmp is there any more.
func requireNothingLeft(t *testing.T, tmp string) {
	t.Helper()
	var left []string
	gone := func() bool { left = leftovers(tmp); return len(left) == 0 }
	require.Eventually(t, gone, 15*time.Second, 50*time.Millisecond, "something is left over")
	require.Empty(t, left)
}

// leftovers lists what is in tmp, and the processes of labs there: each carries its lab's folder in
// its environment.
func leftovers(tmp string) []string {
	found, _ := filepath.Glob(filepath.Join(tmp, "*"))
	procs, _ := filepath.Glob("/proc/[0-9]*")
	for _, proc := range procs {
		environ, _ := os.ReadFile(filepath.Join(proc, "environ"))
		if bytes.Contains(environ, []byte("COMEBACK_LAB="+tmp)) {
			args, _ := os.ReadFile(filepath.Join(proc, "cmdline"))
			found = append(found, string(bytes.ReplaceAll(args, []byte{0}, []byte{' '})))
		}
	}
	return found
}
