package consumer_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/consumertest"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/ops"
)

func TestSwapThatIsNotSetUpIsWaitedFor(t *testing.T) {
	t.Parallel()
	l := consumertest.New(t)
	l.Swap(t, 0, 0)
	l.Start(t, nil)
	ids := l.SubmitBefore(t, 3)
	time.Sleep(100 * time.Millisecond) // several checks: a wrong one would have restarted by now
	require.Equal(t, ops.WaitingForSwap, l.Consumer.Board.State())
	require.False(t, l.Consumer.Board.Ready())
	l.Swap(t, 1000, 900)
	l.AwaitReported(t, ids)
	require.Empty(t, l.Calls("restart"))
	require.Empty(t, l.Slack.All())
}

func TestHostWithoutSwapConsumesAfterTheLimit(t *testing.T) {
	t.Parallel()
	l := consumertest.New(t)
	l.Swap(t, 0, 0)
	l.Start(t, nil, "MEMORY_BOOT_LIMIT=100ms")
	l.AwaitReady(t)
	l.AwaitReported(t, l.Submit(t, 3))
	l.Slack.Await(t, "danger "+consumer.TitleSwapUnset)
	l.Swap(t, 1000, 900)
	l.Slack.Await(t, "danger "+consumer.TitleSwapUnset, "good "+consumer.TitleSwapUnset)
	require.Empty(t, l.Calls("restart"))
}

func TestLowSwapRestartsAndAlertsOnce(t *testing.T) {
	t.Parallel()
	l := consumertest.New(t)
	l.Hook(t, "restart", fmt.Sprintf("printf 'MemTotal: 1 kB\\nMemAvailable: 1 kB\\nSwapTotal: 1000 kB\\nSwapFree: 900 kB\\n' > %[1]s/n; mv %[1]s/n %[1]s/meminfo; exit 1", l.Proc))
	l.Start(t, nil)
	l.AwaitReady(t)
	ids := l.Submit(t, 50)
	l.Swap(t, 1000, 50)
	l.Slack.Await(t, "danger "+consumer.TitleSwapLow, "good "+consumer.TitleSwapLow)
	ids = append(ids, l.Submit(t, 10)...)
	l.AwaitReported(t, ids)
	l.AwaitEmpty(t)
	require.Len(t, l.Calls("restart"), 1)
	require.Empty(t, l.Calls("terminate"))
	ready, _ := l.Depth(t, "jobs.dead")
	require.Zero(t, ready)
}

func TestOddRestartsAreFailuresAndEscalate(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"failed": "exit 0", "137": "exit 137", "2": "echo out of luck >&2; exit 2", "255": "exit 255", "killed": "kill -9 $$", "hang": "sleep 60",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := consumertest.New(t)
			l.Hook(t, "restart", script)
			l.Start(t, nil, "RESTART_TIMEOUT=1s")
			l.AwaitReady(t)
			l.AI.Down()
			l.AwaitState(t, ops.Terminating)
			require.Len(t, l.Calls("restart"), 3)
			require.Equal(t, []string{"ec2 terminate-instances --instance-ids i-1 --region eu-west-1"}, l.Calls("terminate"))
			l.Slack.Await(t, "danger "+consumer.TitleAIDown)
			_, consumers := l.Depth(t, "jobs")
			require.Zero(t, consumers, "nothing is consumed while the end is awaited")
		})
	}
}

func TestMissingRestartHookIsAFailure(t *testing.T) {
	t.Parallel()
	l := consumertest.New(t)
	require.NoError(t, os.Remove(filepath.Join(l.Hooks, "restart")))
	l.Start(t, nil)
	l.AwaitReady(t)
	l.AI.Down()
	l.AwaitState(t, ops.Terminating)
	l.Slack.Await(t, "danger "+consumer.TitleAIDown)
}

func TestFailedTerminationParksUntilTheAIProcessIsBack(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{"254": "echo UnauthorizedOperation >&2; exit 254", "1": "exit 1", "hang": "sleep 60"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := consumertest.New(t)
			l.Hook(t, "restart", "exit 137")
			l.Hook(t, "terminate", script)
			l.Start(t, nil, "TERMINATE_TIMEOUT=200ms")
			l.AwaitReady(t)
			ids := l.Submit(t, 20)
			l.AwaitReported(t, ids)
			l.AI.Down()
			ids = l.Submit(t, 20)
			l.AwaitState(t, ops.Parked)
			require.Eventually(t, func() bool { return len(l.Calls("terminate")) >= 3 }, consumertest.Within, 5*time.Millisecond, "the termination is tried again")
			ready, consumers := l.Depth(t, "jobs")
			require.Zero(t, consumers, "nothing is consumed")
			require.Equal(t, 20, ready, "no job is used up")
			require.True(t, l.Consumer.Link.Up(), "the connection is kept")
			want := []string{"danger " + consumer.TitleAIDown, "danger " + consumer.TitleTermination}
			l.Slack.Await(t, want...)
			l.AI.Up(t)
			l.AwaitReported(t, ids)
			l.AwaitEmpty(t)
			require.Eventually(t, func() bool { return len(l.Slack.All()) == 4 }, consumertest.Within, 5*time.Millisecond)
			require.ElementsMatch(t, append(want, "good "+consumer.TitleAIDown, "good "+consumer.TitleTermination), l.Slack.All())
			ready, _ = l.Depth(t, "jobs.dead")
			require.Zero(t, ready)
		})
	}
}

func TestAcceptedTerminationThatDoesNotHappenIsAFailure(t *testing.T) {
	t.Parallel()
	l := consumertest.New(t)
	l.Hook(t, "restart", "exit 0")
	l.Start(t, nil, "TERMINATE_WAIT=100ms")
	l.AwaitReady(t)
	l.AI.Down()
	l.AwaitState(t, ops.Parked)
	l.Slack.Await(t, "danger "+consumer.TitleAIDown, "danger "+consumer.TitleTermination)
	require.Contains(t, l.Slack.Text(), "still alive")
}

func TestDeadAIProcessIsRestartedAndNoJobPays(t *testing.T) {
	t.Parallel()
	l := consumertest.New(t)
	flag := filepath.Join(l.Hooks, "restarted")
	l.Hook(t, "restart", "touch "+flag+"; exit 1")
	l.Start(t, nil, "AI_READY_LIMIT=10s", "MAX_ATTEMPTS=1")
	l.AwaitReady(t)
	ids := l.Submit(t, 100)
	l.AI.Down()
	require.Eventually(t, func() bool { _, err := os.Stat(flag); return err == nil }, consumertest.Within, 5*time.Millisecond)
	l.AI.Up(t)
	l.AwaitReported(t, ids)
	l.AwaitEmpty(t)
	ready, _ := l.Depth(t, "jobs.dead")
	require.Zero(t, ready, "with one attempt a job that pays is dead")
	l.Slack.Await(t, "danger "+consumer.TitleAIDown, "good "+consumer.TitleAIDown)
}

func TestBlipOfTheAIProcessIsNoIncident(t *testing.T) {
	t.Parallel()
	l := consumertest.New(t)
	l.Start(t, nil, "AI_DOWN_AFTER=10s")
	l.AwaitReady(t)
	ids := l.Submit(t, 50)
	l.AI.Down()
	l.AwaitState(t, ops.WaitingForAI)
	l.AI.Up(t)
	l.AwaitReported(t, ids)
	l.AwaitEmpty(t)
	require.Empty(t, l.Slack.All())
	require.Empty(t, l.Calls("restart"))
}

func TestFailedWarmUpSettlesNothingAndIsTriedAgain(t *testing.T) {
	t.Parallel()
	l := consumertest.New(t)
	var failed atomic.Int32
	l.AI.Answers(func(w http.ResponseWriter, id string) bool {
		if id == "warm-up" && failed.Add(1) <= 5 {
			w.WriteHeader(http.StatusInternalServerError)
			return true
		}
		return false
	})
	ids := l.SubmitBefore(t, 5)
	l.Start(t, nil)
	l.AwaitReported(t, ids)
	l.AwaitEmpty(t)
	l.Slack.Await(t, "danger "+consumer.TitleWarmUp, "good "+consumer.TitleWarmUp)
	require.Empty(t, l.Calls("restart"))
	require.Equal(t, 6, l.AI.Times("warm-up"))
}

func TestAIProcessThatFailsEveryJobIsRestarted(t *testing.T) {
	t.Parallel()
	l := consumertest.New(t)
	flag := filepath.Join(l.Hooks, "restarted")
	l.Hook(t, "restart", "touch "+flag+"; exit 1")
	l.AI.Answers(func(w http.ResponseWriter, id string) bool {
		_, err := os.Stat(flag)
		if err == nil || id == "warm-up" {
			return false
		}
		w.WriteHeader(http.StatusInternalServerError)
		return true
	})
	l.Start(t, nil, "AI_FAILURES=10", "MAX_ATTEMPTS=100")
	l.AwaitReady(t)
	ids := l.Submit(t, 30)
	l.AwaitReported(t, ids)
	l.Slack.Await(t, "danger "+consumer.TitleAIFailing, "good "+consumer.TitleAIFailing)
	require.Len(t, l.Calls("restart"), 1)
}

// An AI process that hangs answers pings all the same. A few time-outs are enough to restart it, and no
// job is given up for them.
func TestAIProcessThatHangsIsRestarted(t *testing.T) {
	t.Parallel()
	l := consumertest.New(t)
	flag := filepath.Join(l.Hooks, "restarted")
	l.Hook(t, "restart", "touch "+flag+"; exit 1")
	released := make(chan struct{})
	t.Cleanup(func() { close(released) })
	l.AI.Answers(func(_ http.ResponseWriter, id string) bool {
		if _, err := os.Stat(flag); err != nil && id != "warm-up" {
			<-released
		}
		return false
	})
	l.Start(t, nil, "AI_TIMEOUT=200ms", "AI_TIMEOUTS=4", "MAX_ATTEMPTS=2")
	l.AwaitReady(t)
	l.AwaitReported(t, l.Submit(t, 30))
	l.Slack.Await(t, "danger "+consumer.TitleAIHangs, "good "+consumer.TitleAIHangs)
	require.Len(t, l.Calls("restart"), 1)
}

func TestJobThatKillsTheAIProcessIsGivenUp(t *testing.T) {
	t.Parallel()
	l := consumertest.New(t)
	l.AI.Answers(func(_ http.ResponseWriter, id string) bool {
		if id == "m1" {
			go func() { // the process dies in the middle of the job and comes back by itself
				l.AI.Down()
				time.Sleep(30 * time.Millisecond)
				l.AI.Up(t)
			}()
			time.Sleep(time.Second)
		}
		return false
	})
	l.Start(t, nil, "AI_DOWN_AFTER=10s", "MAX_CRASHES=2")
	l.AwaitReady(t)
	ids := l.Submit(t, 5)
	require.Equal(t, "m1", l.AwaitDead(t).MessageId)
	l.AwaitReported(t, ids[1:])
	l.AwaitEmpty(t)
}
