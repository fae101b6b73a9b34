package harness

import (
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCPUTimeIsThatOfTheProcess(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("it is read from /proc, which only Linux has")
	}
	before, err := cpuTime(os.Getpid())
	require.NoError(t, err)
	used := before
	for deadline := time.Now().Add(time.Minute); used < before+3*cpuTick*time.Millisecond && time.Now().Before(deadline); {
		used, err = cpuTime(os.Getpid())
		require.NoError(t, err)
	}
	require.GreaterOrEqual(t, used, before+3*cpuTick*time.Millisecond)
	_, err = cpuTime(1 << 30)
	require.ErrorIs(t, err, os.ErrNotExist)
}
