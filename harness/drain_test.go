package harness_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/load"
)

// The target is left to finish what it has, also in a run in which the broker has left a publish unanswered:
// that one, which nobody waits for, must not stand for another.
func TestDrainWaitsForTheLast(t *testing.T) {
	t.Parallel()
	s := spec("last", history.Expect{})
	s.OwnBroker = true
	s.AI.Warm, s.AI.Cold = script.Duration(500*time.Millisecond), 1
	lab := start(t, s)
	submit := func() {
		_, err := lab.Submit([]byte(`{"prompt":"a cat"}`), load.Props{})
		require.NoError(t, err)
	}
	is := func(what string, n func() uint64) {
		require.Eventually(t, func() bool { return n() == 1 }, 30*time.Second, 5*time.Millisecond, what)
	}
	node, err := lab.Broker()
	require.NoError(t, err)
	require.NoError(t, node.Pause())
	submit()
	is("in flight", func() uint64 { return lab.Counts().InFlight() })
	require.NoError(t, node.Kill())
	is("unknown", func() uint64 { return lab.Counts().Unknown })
	require.NoError(t, node.Start(t.Context()))

	of := func(kinds ...history.Kind) func(*history.Event) bool {
		return func(e *history.Event) bool { return slices.Contains(kinds, e.Kind) }
	}
	delivered, order := lab.Watch(of(history.Deliver)), lab.Watch(of(history.Effect, history.Cancel))
	defer delivered.Close()
	defer order.Close()
	submit()
	_, err = delivered.Next(t.Context())
	require.NoError(t, err)
	_, err = lab.Finish(t.Context())
	require.NoError(t, err)
	first, err := order.Next(t.Context())
	require.NoError(t, err)
	require.Equal(t, history.Effect, first.Kind, "it has its effect before the target is told to stop")
	require.NoError(t, lab.Close())
}

// What cannot be taken down is an error, and the verdict is not lost over it.
func TestATakeDownThatFailsLosesNoVerdict(t *testing.T) {
	t.Parallel()
	lab := start(t, spec("kept", history.Expect{}))
	_, err := lab.Submit([]byte(`{"prompt":"a cat"}`), load.Props{})
	require.NoError(t, err)
	stays := filepath.Join(filepath.Dir(lab.HookPath("restart")), "stays")
	require.NoError(t, os.WriteFile(stays, nil, 0o600))
	if out, err := exec.Command("chattr", "+i", stays).CombinedOutput(); err != nil {
		t.Skipf("needs a file that nobody may remove: chattr +i: %v: %s", err, out)
	}
	t.Cleanup(func() {
		require.NoError(t, exec.Command("chattr", "-i", stays).Run())
		require.NoError(t, os.RemoveAll(filepath.Dir(stays)))
	})
	j, err := lab.Finish(t.Context())
	require.ErrorContains(t, err, "remove the lab's directory")
	require.NotNil(t, j)
	require.NoError(t, lab.Close())
}
