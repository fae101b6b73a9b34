package harness

import (
	"os"
	"os/exec"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMemoryIsThatOfTheProcess(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("it is read from /proc, which only Linux has")
	}
	before, err := memoryOf(os.Getpid())
	require.NoError(t, err)
	require.Positive(t, before)
	const size = 256 << 20 // more than other tests may give back meanwhile
	held := make([]byte, size)
	for i := range held {
		held[i] = 1
	}
	after, err := memoryOf(os.Getpid())
	require.NoError(t, err)
	require.Greater(t, after, before+size/2)
	runtime.KeepAlive(held)
	_, err = memoryOf(1 << 30)
	require.ErrorIs(t, err, os.ErrNotExist)
}

// A server's workers are the server: what they hold counts.
func TestMemoryIsThatOfTheChildren(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("it is read from /proc, which only Linux has")
	}
	worker := exec.Command("cat")
	in, err := worker.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, worker.Start())
	started, err := children(os.Getpid())
	require.NoError(t, err)
	require.Contains(t, started, worker.Process.Pid)
	own, err := memoryOf(worker.Process.Pid)
	require.NoError(t, err)
	all, err := memoryOfAll(worker.Process.Pid)
	require.NoError(t, err)
	require.Positive(t, own)
	require.GreaterOrEqual(t, all, own)
	require.NoError(t, in.Close())
	require.NoError(t, worker.Wait())
	started, err = children(os.Getpid())
	require.NoError(t, err)
	require.NotContains(t, started, worker.Process.Pid)
	_, err = memoryOfAll(worker.Process.Pid)
	require.Error(t, err)
}
