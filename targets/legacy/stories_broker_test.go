package legacy_test

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/brokertest"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/consumertest"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
)

func longOutageIsWaitedOut(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	gate := l.NewGate(t)
	l.Start(t, change, "AMQP_URL="+gate.URL)
	l.AwaitReady(t)
	gate.Shut()
	if !await(t, func() bool { return gate.Turned() >= 12 }, later(t, 4*time.Second)) {
		return false
	}
	gate.Open()
	return goesOn(t, l)
}

func bootWaitsForBroker(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	gate := l.NewGate(t)
	gate.Shut()
	ids := l.SubmitBefore(t, 1)
	l.Start(t, change, "AMQP_URL="+gate.URL)
	require.Eventually(t, func() bool { return gate.Turned() > 0 }, consumertest.Within, 5*time.Millisecond)
	gate.Open()
	return await(t, func() bool { return l.API.Requests(ids[0]) > 0 }, later(t, 3*time.Second))
}

func redeliveredJobIsDone(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	ids := l.SubmitBefore(t, 1)
	ch, err := l.Conn.Channel()
	require.NoError(t, err)
	m, ok, err := ch.Get("jobs", false)
	require.NoError(t, err)
	require.True(t, ok)
	require.NoError(t, m.Nack(false, true))
	l.Start(t, change)
	l.AwaitReady(t)
	return await(t,
		func() bool { return l.API.Requests(ids[0]) > 0 },
		func() bool { ready, _ := l.Depth(t, "jobs.dead"); return ready > 0 })
}

func jobThatComesAgainCountsOnce(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	var dropped atomic.Bool
	l.AI.Answers(func(_ http.ResponseWriter, id string) bool {
		if id == "m5" && dropped.CompareAndSwap(false, true) {
			l.Consumer.Link.Drop()
		}
		return false
	})
	l.Start(t, change, "CONCURRENCY=1")
	l.AwaitReady(t)
	ids := l.Submit(t, 10)
	l.AwaitEmpty(t)
	return l.API.Keys() == len(ids)
}

// What the broker is told that makes it short of something.
const (
	shortOfMemory = "vm_memory_monitor:set_vm_memory_high_watermark(0)"
	shortOfDisk   = "rabbit_disk_monitor:set_disk_free_limit(1 bsl 60)"
)

// othersGoOnUnderAlarm has jobs fail while the broker is short of something; it has a node of its own for that.
func othersGoOnUnderAlarm(alarm string) story {
	return func(t *testing.T, _ *consumertest.Lab, change func(*consumer.Consumer)) bool {
		node, url := brokertest.Own(t)
		l := consumertest.On(t, node, url)
		release := make(chan struct{})
		free := sync.OnceFunc(func() { close(release) })
		t.Cleanup(free)
		l.AI.Answers(func(w http.ResponseWriter, id string) bool {
			switch id {
			case "m1", "m2", "m3", "m4":
				<-release
				w.WriteHeader(http.StatusInternalServerError)
				return true
			}
			return false
		})
		l.Start(t, change, "CONCURRENCY=4", "AMQP_PREFETCH=8")
		l.AwaitReady(t)
		ids := l.Submit(t, 30)
		l.AwaitHeld(t, "[22,8]")
		l.Node.Eval(t, alarm)
		free()
		return await(t, func() bool { return l.API.Requests(ids[29]) > 0 }, later(t, 4*time.Second))
	}
}

// copyIsPersistent looks at the copy of a failed job, which waits for its next try.
func copyIsPersistent(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	failsOnce(l, "m1")
	l.Start(t, change, "RETRY_DELAY=10m")
	l.AwaitReady(t)
	l.Submit(t, 1)
	ch, err := l.Conn.Channel()
	require.NoError(t, err)
	var m amqp.Delivery
	require.Eventually(t, func() (ok bool) {
		m, ok, err = ch.Get("jobs.retry", true)
		return err == nil && ok
	}, consumertest.Within, 5*time.Millisecond)
	return m.DeliveryMode == amqp.Persistent
}

func forcedConnectionIsReopened(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	l.Start(t, change)
	l.AwaitReady(t)
	l.AwaitReported(t, l.Submit(t, 5))
	l.Node.CloseConnections(t, l.URL)
	l.Connect(t)
	return goesOn(t, l)
}

func deletedQueueIsDeclared(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	l.Start(t, change)
	l.AwaitReady(t)
	deleteQueue(t, l)
	return await(t, func() bool { return consumed(l) }, later(t, 3*time.Second))
}

func heldJobsAreFinished(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	release := make(chan struct{})
	free := sync.OnceFunc(func() { close(release) })
	t.Cleanup(free)
	l.AI.Answers(func(_ http.ResponseWriter, id string) bool {
		if id == "m1" {
			<-release
		}
		return false
	})
	var source *queue.Source
	l.Start(t, func(c *consumer.Consumer) {
		change(c)
		source = c.Source.(*queue.Source)
	}, "CONCURRENCY=1", "AMQP_PREFETCH=8")
	l.AwaitReady(t)
	ids := l.Submit(t, 5)
	l.AwaitHeld(t, "[0,5]")
	deleteQueue(t, l)
	require.Eventually(t, func() bool { return !source.Consuming() }, consumertest.Within, time.Millisecond) // it works on m1
	free()
	return await(t, reported(l, ids...), later(t, 3*time.Second))
}

func deleteQueue(t *testing.T, l *consumertest.Lab) {
	t.Helper()
	deleteNamed(t, l, "jobs")
}

func deleteNamed(t *testing.T, l *consumertest.Lab, name string) {
	t.Helper()
	ch, err := l.Conn.Channel()
	require.NoError(t, err)
	_, err = ch.QueueDelete(name, false, false, false)
	require.NoError(t, err)
	require.NoError(t, ch.Close())
}

// consumed tells whether the queue is there and has a consumer.
func consumed(l *consumertest.Lab) bool {
	ch, err := l.Conn.Channel()
	if err != nil {
		return false
	}
	defer func() { _ = ch.Close() }()
	q, err := ch.QueueDeclarePassive("jobs", true, false, false, false, nil)
	return err == nil && q.Consumers > 0
}
