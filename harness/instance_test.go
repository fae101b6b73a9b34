package harness_test

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// TestInstance takes the process of an instance through all that a fault may do to it.
func TestInstance(t *testing.T) {
	t.Parallel()
	lab := start(t, spec("instance", history.Expect{NoFault: true}))
	defer func() { require.NoError(t, lab.Abandon()) }()
	target := lab.Targets()[0]
	require.Equal(t, "consumer/0", target.Name())
	require.True(t, target.Running())

	require.NoError(t, target.Pause())
	require.Eventually(t, target.Paused, 5*time.Second, time.Millisecond)
	require.True(t, target.Running())
	require.NoError(t, target.Resume())
	require.Eventually(t, func() bool { return !target.Paused() }, 5*time.Second, time.Millisecond)

	require.NoError(t, target.Kill(t.Context()))
	require.False(t, target.Running())
	require.False(t, target.Paused())
	require.NoError(t, target.Resume(), "there is nothing left that is paused")
	require.NoError(t, target.Kill(t.Context()), "it has ended already")
	require.ErrorIs(t, target.Pause(), os.ErrProcessDone)
	_, err := target.Terminate(t.Context())
	require.ErrorIs(t, err, os.ErrProcessDone)
	_, err = target.ExpectExit("a notice", time.Second)
	require.ErrorIs(t, err, os.ErrProcessDone)

	require.NoError(t, target.Start(t.Context()))
	require.NoError(t, target.Ready(t.Context()))
	require.NoError(t, target.Start(t.Context()), "it runs: it is left alone")
	ending, err := target.ExpectExit("a notice", time.Second)
	require.NoError(t, err)
	code, err := target.Terminate(t.Context())
	require.NoError(t, err)
	require.Zero(t, code)
	code, err = ending.Await(t.Context())
	require.NoError(t, err)
	require.Zero(t, code)
	ending.Withdraw()

	require.ErrorContains(t, target.Use("nobody"), `no target "nobody"`)
	require.NoError(t, target.Use("recovering"))
	require.NoError(t, target.Use(""))
	require.NoError(t, target.Start(t.Context()))
	require.NoError(t, target.Ready(t.Context()))
}
