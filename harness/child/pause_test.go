package child

import (
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPauseHoldsEveryThread(t *testing.T) {
	t.Parallel()
	g, err := NewGroup(t.Context(), Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, g.Close()) })
	p, err := g.Start(Spec{Name: "sleeper", Path: "/bin/sleep", Args: []string{"60"}})
	require.NoError(t, err)
	require.False(t, p.Paused())
	require.NoError(t, p.Pause())
	require.True(t, p.Paused())
	require.NoError(t, p.Signal(syscall.SIGCONT))
	require.Eventually(t, func() bool { return !p.Paused() }, killPatience, pausePeriod)
	p.Kill()
	<-p.Done()
	require.False(t, p.Paused())
	require.ErrorIs(t, p.Pause(), os.ErrProcessDone)
}

func TestStateOf(t *testing.T) {
	t.Parallel()
	for stat, want := range map[string]byte{"7 (sleep) S 1": 'S', "7 (a) T) (b) T 1": 'T', "": 0, "7 (x)": 0} {
		require.Equal(t, want, stateOf([]byte(stat)), stat)
	}
}
