package legacy_test

import (
	"encoding/base64"
	"fmt"
	"image/png"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/consumertest"
)

// The stories of defects that show when a neighbour of the consumer misbehaves.

// soon tells whether the right thing happens.
func soon(t *testing.T, right func() bool) bool {
	t.Helper()
	return await(t, right, later(t, 4*time.Second))
}

func givenUp(t *testing.T, l *consumertest.Lab) func() bool {
	return func() bool { ready, _ := l.Depth(t, "jobs.dead"); return ready > 0 }
}

func reported(l *consumertest.Lab, ids ...string) func() bool {
	return func() bool {
		for _, id := range ids {
			if l.API.Requests(id) == 0 {
				return false
			}
		}
		return true
	}
}

// failing makes the AI process answer 500 as long as it is told to; warm-ups work.
func failing(l *consumertest.Lab, fails func(id string) bool) {
	l.AI.Answers(func(w http.ResponseWriter, id string) bool {
		if id == "warm-up" || !fails(id) {
			return false
		}
		w.WriteHeader(http.StatusInternalServerError)
		return true
	})
}

func acceptedTerminationIsTriedAgain(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	l.Hook(t, "restart", "exit 0")
	l.Start(t, change, "TERMINATE_WAIT=20ms")
	l.AwaitReady(t)
	l.AI.Down()
	return soon(t, func() bool { return len(l.Calls("terminate")) > 1 })
}

func failedJobIsTriedAgain(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	failing(l, func(id string) bool { return l.AI.Times(id) == 1 })
	l.Start(t, change)
	l.AwaitReady(t)
	return soon(t, reported(l, l.Submit(t, 5)...))
}

func hopelessJobIsGivenUp(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	failing(l, func(string) bool { return true })
	l.Start(t, change, "MAX_ATTEMPTS=2")
	l.AwaitReady(t)
	l.Submit(t, 1)
	return soon(t, givenUp(t, l))
}

func alertArrivesInTheEnd(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	l.Slack.Refuse.Store(1)
	failWarmUp(l, 3)
	l.Start(t, change)
	return soon(t, func() bool { return len(l.Slack.All()) == 2 })
}

func fewFailedJobsAreNoIncident(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	failing(l, func(id string) bool { return l.AI.Times(id) == 1 })
	l.Start(t, change)
	l.AwaitReady(t)
	l.AwaitReported(t, l.Submit(t, 10))
	l.Stop()
	<-l.Done // what was said at the end is out
	return len(l.Slack.All()) == 0
}

func hangIsEnded(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	l.AI.Hold(t)
	l.Start(t, change, "AI_TIMEOUT=100ms", "DRAIN_TIMEOUT=0s")
	l.AwaitReady(t)
	l.Submit(t, 10)
	return soon(t, func() bool { return len(l.Calls("restart")) > 0 })
}

func slowIsNotDead(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	l.AI.Answers(func(_ http.ResponseWriter, id string) bool {
		if id != "warm-up" {
			time.Sleep(300 * time.Millisecond)
		}
		return false
	})
	l.Start(t, change)
	l.AwaitReady(t)
	done := reported(l, l.Submit(t, 12)...)
	return await(t, func() bool { return done() && l.Calls("restart") == nil }, func() bool { return l.Calls("restart") != nil })
}

func failingAIIsRestarted(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	flag := filepath.Join(l.Hooks, "restarted")
	l.Hook(t, "restart", "touch "+flag+"; exit 1")
	failing(l, func(string) bool { _, err := os.Stat(flag); return err != nil })
	l.Start(t, change, "AI_FAILURES=4", "MAX_ATTEMPTS=3")
	l.AwaitReady(t)
	return await(t, reported(l, l.Submit(t, 30)...), givenUp(t, l))
}

func garbageIsNotReported(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	l.AI.Answers(func(w http.ResponseWriter, id string) bool {
		if id != "m1" || l.AI.Times(id) > 1 {
			return false
		}
		_, _ = fmt.Fprintf(w, `{"images":["%s"]}`, base64.StdEncoding.EncodeToString([]byte("this is no image")))
		return true
	})
	return reportsImagesOnly(t, l, change)
}

func failureIsNoResult(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	failsOnce(l, "m1")
	return reportsImagesOnly(t, l, change)
}

// reportsImagesOnly tells whether each of three jobs is reported in the end, and nothing that is no image.
func reportsImagesOnly(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	var broken atomic.Bool
	l.API.Answers(func(_ http.ResponseWriter, r *http.Request) bool {
		if _, err := png.Decode(r.Body); err != nil {
			broken.Store(true)
		}
		return false
	})
	l.Start(t, change)
	l.AwaitReady(t)
	l.AwaitReported(t, l.Submit(t, 3))
	return !broken.Load()
}

func deadAIIsRestarted(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	l.Start(t, change)
	l.AwaitReady(t)
	l.AI.Down()
	l.Submit(t, 3)
	return soon(t, func() bool { return len(l.Calls("restart")) > 0 })
}

func restartIsTriedAgain(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	l.Hook(t, "restart", "exit 0")
	l.Start(t, change)
	l.AwaitReady(t)
	l.AI.Down()
	return await(t, func() bool { return len(l.Calls("restart")) > 1 }, func() bool { return l.Calls("terminate") != nil })
}

func crashCostsNoJob(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	var crashed atomic.Bool
	l.AI.Answers(func(_ http.ResponseWriter, id string) bool {
		if id == "warm-up" || !crashed.CompareAndSwap(false, true) {
			return false
		}
		go func() {
			l.AI.Down()
			time.Sleep(300 * time.Millisecond)
			l.AI.Up(t)
		}()
		time.Sleep(time.Second)
		return false
	})
	l.Start(t, change, "AI_DOWN_AFTER=10s")
	l.AwaitReady(t)
	return await(t, reported(l, l.Submit(t, 10)...), givenUp(t, l))
}

func outageCostsNoJob(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	l.API.Refuse.Store(60)
	l.Start(t, change, "MAX_ATTEMPTS=2")
	l.AwaitReady(t)
	return await(t, reported(l, l.Submit(t, 10)...), givenUp(t, l))
}

func slowReportIsWaitedFor(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	asked, release := make(chan struct{}, 100), make(chan struct{})
	t.Cleanup(func() { close(release) })
	l.API.Answers(func(http.ResponseWriter, *http.Request) bool {
		asked <- struct{}{}
		<-release
		return true
	})
	l.Start(t, change, "DRAIN_TIMEOUT=2s")
	l.AwaitReady(t)
	l.Submit(t, 1)
	<-asked
	l.Stop()
	<-l.Done
	return soon(t, func() bool { ready, _ := l.Depth(t, "jobs"); return ready == 1 })
}

func hungReportIsMadeAgain(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	var asked atomic.Int64
	l.API.Answers(func(w http.ResponseWriter, r *http.Request) bool {
		if asked.Add(1) > 1 {
			return false
		}
		<-r.Context().Done()
		return true
	})
	l.Start(t, change, "API_TIMEOUT=200ms", "DRAIN_TIMEOUT=1s")
	l.AwaitReady(t)
	l.Submit(t, 1)
	return soon(t, func() bool { return asked.Load() > 1 })
}

func repeatedReportCountsOnce(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	var failed atomic.Bool
	l.API.Answers(func(w http.ResponseWriter, r *http.Request) bool {
		l.API.Accept(r)
		if failed.CompareAndSwap(false, true) {
			w.WriteHeader(http.StatusInternalServerError)
		}
		return true
	})
	l.Start(t, change)
	l.AwaitReady(t)
	l.Submit(t, 1)
	l.AwaitEmpty(t)
	return l.API.Keys() == 1
}

func cutReportIsSentAgain(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	var cut atomic.Int32
	l.API.Answers(func(w http.ResponseWriter, _ *http.Request) bool {
		if cut.Add(1) > 2 {
			return false
		}
		panic(http.ErrAbortHandler)
	})
	l.Start(t, change)
	l.AwaitReady(t)
	ids := l.Submit(t, 1)
	require.Eventually(t, func() bool { return cut.Load() > 0 }, consumertest.Within, 5*time.Millisecond)
	return soon(t, reported(l, ids...))
}
