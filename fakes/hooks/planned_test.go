package hooks

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

func closed(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

// A new plan ends what hangs or waits under the former one.
func TestNewPlanLetsGoOfTheFormersCalls(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		step     Step
		code     int
		restarts int64
	}{
		"hang":                     {Step{Hang: true}, LetGoCode, 0},
		"hang after a restart":     {Step{Hang: true, Restart: true}, LetGoCode, 1},
		"delay":                    {Step{Delay: script.Duration(10 * time.Minute), Code: 42}, 42, 0},
		"delay, then restart":      {Step{Delay: script.Duration(10 * time.Minute), Restart: true, Code: 1}, 1, 1},
		"delay, then kill":         {Step{Delay: script.Duration(10 * time.Minute), Kill: true, Code: 7}, 7, 0},
		"delay, then hang":         {Step{Delay: script.Duration(10 * time.Minute), Hang: true}, LetGoCode, 0},
		"delay, then die by TERM":  {Step{Delay: script.Duration(10 * time.Minute), Signal: "TERM"}, 128 + 15, 0},
		"delay that answers right": {Step{Delay: script.Duration(10 * time.Minute)}, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var restarts atomic.Int64
			b := newBench(t, &Desk{
				Restart: func(context.Context) error { restarts.Add(1); return nil },
				Kill:    func() error { return errors.New("it killed after its plan was replaced") },
			})
			under := plan(t, b, Restart, c.step)
			cmd, stderr := start(t, b.restart)
			<-b.called
			<-under.Taken()
			require.False(t, closed(under.Over()))
			next := plan(t, b, Restart)
			wait(t, cmd)
			call := <-b.ended
			require.False(t, call.Killed)
			require.NoError(t, call.Err)
			require.Equal(t, c.code, call.Code)
			<-under.Over()
			require.Equal(t, c.restarts, restarts.Load())
			require.Empty(t, stderr.String())
			require.False(t, closed(next.Taken()), "the call was the former plan's")
		})
	}
}

// What a plan tells is about its own calls, whenever they were recorded.
func TestPlannedTellsOfItsOwnCallsOnly(t *testing.T) {
	t.Parallel()
	b := newBench(t, &Desk{})
	begun, goOn := make(chan struct{}), make(chan struct{})
	told := b.OnCall
	b.OnCall = func(c Call) { // a call that has its step is told late
		if !c.Misuse {
			close(begun)
			<-goOn
		}
		told(c)
	}
	first := plan(t, b, Terminate, Step{})
	run1(t, b.terminate, "ec2")
	require.True(t, (<-b.ended).Misuse)
	require.False(t, closed(first.Taken()), "a misuse takes no step")
	cmd, _ := start(t, b.terminate, goodArgs...)
	<-begun
	second := plan(t, b, Terminate, Step{Code: 9})
	require.False(t, closed(first.Over()), "a call of it runs")
	close(goOn)
	require.Zero(t, wait(t, cmd).ExitStatus())
	<-first.Over()
	require.True(t, closed(first.Taken()))
	require.False(t, closed(second.Taken()))
	plan(t, b, Terminate)
	require.True(t, closed(second.Over()), "nobody took a step of it")
	require.False(t, closed(second.Taken()))
}

func TestKillOfTheHookEndsItsCall(t *testing.T) {
	t.Parallel()
	b := newBench(t, &Desk{})
	under := plan(t, b, Restart, Step{Hang: true})
	cmd, _ := start(t, b.restart)
	<-under.Taken()
	require.NoError(t, cmd.Process.Kill())
	wait(t, cmd)
	require.True(t, (<-b.ended).Killed)
	require.False(t, closed(under.Over()), "it is still in force")
	plan(t, b, Restart)
	<-under.Over()
}
