package legacy_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/consumertest"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/host"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/ops"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
)

var stories = map[string]story{
	"lose-one-in-500":            everyJobOnce,
	"report-twice-one-in-500":    everyJobOnce,
	"swap-one-in-500":            everyJobItsOwnImage,
	"A1-zero-is-low":             swapNotSetUp,
	"A2-odd-code-ignored":        oddRestartsEscalate,
	"A2-odd-code-is-ok":          oddRestartsEscalate,
	"A3-terminate-code-ignored":  terminationIsTriedAgain,
	"A3-terminate-waits":         hungTerminationIsEnded,
	"A4-carry-on":                noJobIsUsedUp,
	"A5-reject-sample":           sampleSettlesNothing,
	"A6-dead-channel":            closedChannelIsReopened,
	"A7-early-ack":               unfinishedJobGoesBack,
	"A8-throw-on-ack":            failedAckStopsNothing,
	"A10-alert-every-failure":    oneAlertAnIncident,
	"R60-key-per-process":        nextProcessCountsOnce,
	"R70-never-its-fault":        poisonIsGivenUp(),
	"R71-one-megabyte":           largeBodyIsDone,
	"R72-requeue-malformed":      malformedIsBuried,
	"R73-made-up-id":             anonymousIsBuried,
	"R74-no-prefetch":            backlogStaysInTheQueue,
	"R75-plain-queue":            urgentComesFirst,
	"R76-expired-vanish":         expiredIsBuried,
	"R77-no-delivery-limit":      quorumGivesUp,
	"A12-notice-ignored":         leavesOnNotice,
	"A12-any-answer-is-a-notice": staysWithoutNotice,
	"A12-acks-all":               handsBackOnNotice,
	"A6-notices-at-ack":          closedChannelIsReopened,
	"R7-missing-is-for-good":     missingQueueIsLivedWith,
	"R8-nack-is-confirm":         survives(queue.ErrRefused),
	"R8-return-is-confirm":       survives(queue.ErrUnroutable),
	"R8-not-mandatory":           missingQueueIsNoticed,
	"R20-one-connection":         forcedConnectionIsReopened,
	"R22-stale-ack":              oldTagsAreForgotten,
	"R23-ack-twice":              jobThatComesAgainIsAckedOnce,
	"R25-consume-beside":         told(cancel("consumer")),
	"R26-wait-unblocked":         told(blocked()),
	"R27-no-watchdog":            lostAckIsDoubted,
	"R29-spin":                   nothingPilesUp,
	"A4-believes-accepted":       acceptedTerminationIsTriedAgain,
	"A9-ack-in-finally":          failedJobIsTriedAgain,
	"A9-retry-for-ever":          hopelessJobIsGivenUp,
	"A10-alert-every-job":        fewFailedJobsAreNoIncident,
	"A10-alert-once":             alertArrivesInTheEnd,
	"R40-no-timeout":             hangIsEnded,
	"R40-ping-is-enough":         hangIsEnded,
	"R41-warm-timeout":           slowIsNotDead,
	"R42-one-try":                failedJobIsTriedAgain,
	"R43-errors-are-the-jobs":    failingAIIsRestarted,
	"R43-reports-the-failure":    failureIsNoResult,
	"R44-forwards-json":          garbageIsNotReported,
	"R44-believe-200":            garbageIsNotReported,
	"R45-nobody-watches":         deadAIIsRestarted,
	"R46-restart-once":           restartIsTriedAgain,
	"R47-crash-is-the-jobs":      crashCostsNoJob,
	"R50-outage-is-the-jobs":     outageCostsNoJob,
	"R51-report-in-background":   slowReportIsWaitedFor,
	"R52-new-key-each-try":       repeatedReportCountsOnce,
	"R53-cut-is-sent":            cutReportIsSentAgain,
	"R54-waits-for-good":         hungReportIsMadeAgain,
	"R80-check-once":             lowSwapRestarts,
	"R81-unreadable-is-low":      goesOnWithoutMeminfo,
	"R81-waits-for-memory":       goesOnWithoutMeminfo,
	"R82-no-room-no-work":        goesOnWithoutRoom,
	"R1-gives-up":                longOutageIsWaitedOut,
	"R1-transient-retries":       copyIsPersistent,
	"R2-redelivered-is-poison":   redeliveredJobIsDone,
	"R3-key-drawn-anew":          jobThatComesAgainCountsOnce,
	"R4-waits-for-confirm":       othersGoOnUnderAlarm(shortOfMemory),
	"R10-knows-memory-only":      othersGoOnUnderAlarm(shortOfDisk),
	"R5-forced-is-final":         forcedConnectionIsReopened,
	"R6-deaf-to-cancel":          deletedQueueIsDeclared,
	"R6-hands-back":              heldJobsAreFinished,
	"R6-drops-what-it-works-on":  heldJobsAreFinished,
	"R6-declares-once":           deletedQueueIsDeclared,
	"R9-406-is-final":            closedChannelIsReopened,
	"R21-one-connection":         othersGoOnUnderAlarm(shortOfMemory),
	"R63-connects-once":          bootWaitsForBroker,
	"A7-hoard-on-drain":          prefetchedGoesBackAtOnce,
	"A7-redelivered-is-done":     redeliveredIsWorkedOn,
	"R61-key-per-try":            nextProcessCountsOnce,
	"R62-deaf-to-stop":           stopsWhenTold,
	"R62-ack-all-on-stop":        prefetchedGoesBackAtOnce,
	"R64-key-per-release":        otherReleaseCountsOnce,
	"R30-prefetch-one":           holdsSeveralJobs,
	"R31-impatient":              slowImageIsNoFailure,
	"R32-trusts-tcp":             deadConnectionIsNoticed,
	"R33-soft-errors-only":       resetConnectionIsOpenedAgain,
	"R34-key-per-delivery":       repeatedDeliveryCountsOnce,
	"R35-501-is-final":           told(frameError()),
	"R36-no-handshake-limit":     silentHandshakeIsGivenUp,
	"R37-no-backoff":             attemptsGrowRarer,
	"R37-no-jitter":              attemptsAreApart,
	"R38-attempts-for-life":      manyLostConnections,
}

// await waits until one of the two is the case, and tells which.
func await(t *testing.T, right, wrong func() bool) bool {
	t.Helper()
	for deadline := time.Now().Add(consumertest.Within); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if right() {
			return true
		}
		if wrong() {
			return false
		}
	}
	require.Fail(t, "neither the right thing nor the wrong one happens")
	return false
}

// patience is how long to wait for the right thing, which must come: with a defect it never does, which is believed
// after d, but a right consumer may be slow for as long as the machine is.
func patience(t *testing.T, d time.Duration) time.Duration {
	if strings.HasSuffix(t.Name(), "/right") {
		return consumertest.Within
	}
	return d
}

// later is true once the patience for the right thing is over.
func later(t *testing.T, d time.Duration) func() bool {
	at := time.Now().Add(patience(t, d))
	return func() bool { return time.Now().After(at) }
}

func everyJobOnce(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	l.Start(t, change)
	l.AwaitReady(t)
	ids := l.Submit(t, 600)
	l.AwaitEmpty(t)
	for _, id := range ids {
		if l.API.Requests(id) != 1 {
			return false
		}
	}
	return l.API.Keys() == len(ids)
}

// everyJobItsOwnImage has the AI process write a job's id behind its image, where nobody else looks.
func everyJobItsOwnImage(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	picture, err := base64.StdEncoding.DecodeString(consumertest.Picture())
	require.NoError(t, err)
	l.AI.Answers(func(w http.ResponseWriter, id string) bool {
		_, _ = fmt.Fprintf(w, `{"images":["%s"]}`, base64.StdEncoding.EncodeToString(append(slices.Clone(picture), id...)))
		return true
	})
	var others atomic.Int64
	l.API.Answers(func(_ http.ResponseWriter, r *http.Request) bool {
		image, _ := io.ReadAll(r.Body) // what is missing is not its own either
		if string(image[min(len(picture), len(image)):]) != path.Base(r.URL.Path) {
			others.Add(1)
		}
		return false
	})
	l.Start(t, change)
	l.AwaitReady(t)
	l.Submit(t, 600)
	l.AwaitEmpty(t)
	return others.Load() == 0
}

func swapNotSetUp(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	var checks atomic.Int32
	l.Swap(t, 0, 0)
	l.Start(t, func(c *consumer.Consumer) {
		change(c)
		next := c.JudgeSwap
		c.JudgeSwap = func(s host.Swap) host.Level {
			checks.Add(1)
			return next(s)
		}
	})
	return await(t, func() bool { return checks.Load() >= 10 && l.Calls("restart") == nil }, func() bool { return l.Calls("restart") != nil })
}

func oddRestartsEscalate(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	l.Hook(t, "restart", "exit 137")
	l.Start(t, change)
	l.AwaitReady(t)
	l.Swap(t, 1000, 10)
	return await(t, func() bool { return len(l.Calls("terminate")) > 0 }, func() bool { return len(l.Calls("restart")) > 3 })
}

func terminationIsTriedAgain(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	l.Hook(t, "restart", "exit 0")
	l.Hook(t, "terminate", "exit 255")
	l.Start(t, change)
	l.AwaitReady(t)
	l.AI.Down()
	return await(t, func() bool { return len(l.Calls("terminate")) > 1 }, func() bool { return l.Consumer.Board.State() == ops.Terminating })
}

func hungTerminationIsEnded(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	l.Hook(t, "restart", "exit 0")
	l.Hook(t, "terminate", "exec sleep 600")
	l.Start(t, change, "TERMINATE_TIMEOUT=200ms")
	l.AwaitReady(t)
	l.AI.Down()
	return soon(t, func() bool { return len(l.Calls("terminate")) > 1 })
}

func noJobIsUsedUp(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	l.Hook(t, "restart", "exit 0")
	l.Hook(t, "terminate", "exit 255")
	l.Start(t, change, "MAX_ATTEMPTS=2")
	l.AwaitReady(t)
	l.AI.Down()
	l.Submit(t, 10)
	return await(t,
		func() bool { ready, _ := l.Depth(t, "jobs"); return len(l.Calls("terminate")) > 2 && ready == 10 },
		func() bool { ready, _ := l.Depth(t, "jobs.dead"); return ready > 0 })
}

func sampleSettlesNothing(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	failWarmUp(l, 3)
	l.Start(t, change)
	l.AwaitReady(t)
	l.AwaitReported(t, l.Submit(t, 10))
	return l.Node.ChannelErrors(t, l.URL) == 0
}

func oneAlertAnIncident(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	failWarmUp(l, 5)
	l.Start(t, change)
	clear := "good " + consumer.TitleWarmUp
	require.Eventually(t, func() bool { posts := l.Slack.All(); return len(posts) > 0 && posts[len(posts)-1] == clear }, consumertest.Within, 5*time.Millisecond)
	return len(l.Slack.All()) == 2
}

func failWarmUp(l *consumertest.Lab, times int32) {
	var failed atomic.Int32
	l.AI.Answers(func(w http.ResponseWriter, id string) bool {
		if id != "warm-up" || failed.Add(1) > times {
			return false
		}
		w.WriteHeader(http.StatusInternalServerError)
		return true
	})
}

func closedChannelIsReopened(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	l.Start(t, func(c *consumer.Consumer) {
		change(c)
		next := c.Handle
		c.Handle = func(ctx context.Context, d *queue.Delivery) {
			if d.Message.MessageId == "m5" && !d.Message.Redelivered {
				_ = d.Message.Reject(false)
				_ = d.Message.Reject(false) // the second one closes the channel
				return
			}
			next(ctx, d)
		}
	}, "CONCURRENCY=1")
	l.AwaitReady(t)
	l.Submit(t, 5)
	require.Eventually(t, func() bool { return l.Node.ChannelErrors(t, l.URL) > 0 }, consumertest.Within, 5*time.Millisecond)
	return goesOn(t, l)
}

func failedAckStopsNothing(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	var dropped atomic.Bool
	l.AI.Answers(func(_ http.ResponseWriter, id string) bool {
		if id == "m5" && dropped.CompareAndSwap(false, true) {
			l.Consumer.Link.Drop()
		}
		return false
	})
	l.Start(t, change, "CONCURRENCY=1")
	l.AwaitReady(t)
	l.AwaitReported(t, l.Submit(t, 5))
	return goesOn(t, l)
}

// goesOn tells whether jobs are done from here on. That they are not takes a while to believe.
func goesOn(t *testing.T, l *consumertest.Lab) bool {
	t.Helper()
	ids := l.Submit(t, 5)
	believed := later(t, 3*time.Second)
	return await(t,
		func() bool { return l.API.Requests(ids[4]) > 0 },
		func() bool {
			ready, consumers := l.Depth(t, "jobs")
			return ready > 0 && consumers == 0 && believed()
		})
}

func unfinishedJobGoesBack(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	l.AI.Hold(t, "m1")
	l.Start(t, change, "DRAIN_TIMEOUT=100ms")
	l.AwaitReady(t)
	l.Submit(t, 1)
	require.Eventually(t, func() bool { return l.AI.Times("m1") == 1 }, consumertest.Within, 5*time.Millisecond)
	l.Stop()
	<-l.Done
	return await(t,
		func() bool { ready, _ := l.Depth(t, "jobs"); return ready == 1 },
		later(t, time.Second))
}

func leavesOnNotice(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	l.Start(t, withNotice(change, &host.Notice{Action: "terminate", Time: time.Now().Add(time.Hour)}, nil), "NOTICE_CHECK_INTERVAL=10ms")
	return await(t, func() bool { return over(l.Done) }, later(t, 2*time.Second))
}

func staysWithoutNotice(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	var asked atomic.Int32
	l.Start(t, withNotice(change, nil, func() error { asked.Add(1); return host.ErrNoNotice }), "NOTICE_CHECK_INTERVAL=10ms")
	return await(t, func() bool { return asked.Load() >= 10 }, func() bool { return over(l.Done) })
}

func handsBackOnNotice(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	var busy atomic.Bool
	l.AI.Answers(func(_ http.ResponseWriter, id string) bool {
		if id == "m1" {
			busy.Store(true)
			<-release
		}
		return false
	})
	notice := &host.Notice{Action: "terminate", Time: time.Now().Add(time.Hour)}
	l.Start(t, withNotice(change, notice, func() error {
		if !busy.Load() {
			return host.ErrNoNotice
		}
		return nil
	}), "NOTICE_CHECK_INTERVAL=10ms", "DRAIN_TIMEOUT=100ms")
	l.AwaitReady(t)
	l.Submit(t, 1)
	<-l.Done
	return await(t,
		func() bool { ready, _ := l.Depth(t, "jobs"); return ready == 1 },
		later(t, time.Second))
}

// withNotice puts an answer of the instance metadata in place before the change is made.
func withNotice(change func(*consumer.Consumer), notice *host.Notice, fail func() error) func(*consumer.Consumer) {
	return func(c *consumer.Consumer) {
		c.ReadNotice = func(context.Context) (*host.Notice, error) {
			if fail != nil {
				if err := fail(); err != nil {
					return nil, err
				}
			}
			return notice, nil
		}
		change(c)
	}
}

func over(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}
