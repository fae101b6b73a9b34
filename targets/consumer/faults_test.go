package consumer_test

import (
	"context"
	"net/http"
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

// onDelivery replaces the handling of one message by id, once.
func onDelivery(id string, do func(*queue.Delivery) (goOn bool)) func(*consumer.Consumer) {
	return func(c *consumer.Consumer) {
		next := c.Handle
		var did atomic.Bool
		c.Handle = func(ctx context.Context, d *queue.Delivery) {
			if d.Message.MessageId == id && did.CompareAndSwap(false, true) && !do(d) {
				return
			}
			next(ctx, d)
		}
	}
}

func TestChannelClosedByTheBrokerIsReopened(t *testing.T) {
	t.Parallel()
	for name, provoke := range map[string]func(amqp.Acknowledger) error{
		"reject of a tag never delivered": func(a amqp.Acknowledger) error { return a.Reject(0, false) },
		"ack of a tag never delivered":    func(a amqp.Acknowledger) error { return a.Ack(999, false) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := consumertest.New(t)
			l.Start(t, onDelivery("m20", func(d *queue.Delivery) bool { return provoke(d.Message.Acknowledger) == nil }))
			l.AwaitReady(t)
			ids := l.Submit(t, 100)
			l.AwaitReported(t, ids)
			l.AwaitEmpty(t)
			l.AwaitReported(t, l.Submit(t, 20))
			require.Equal(t, 120, l.API.Keys())
			require.Empty(t, l.Slack.All())
			require.Empty(t, l.Calls("restart"))
		})
	}
}

// An ack that comes twice, beside normal ones, makes the broker close the channel; its last delivery
// then makes the client library close the connection with 504, more often than not.
func TestChannelErrorThatBecomesAConnectionErrorIsSurvived(t *testing.T) {
	t.Parallel()
	l := consumertest.New(t)
	var handled atomic.Int32
	l.Start(t, func(c *consumer.Consumer) {
		next := c.Handle
		c.Handle = func(ctx context.Context, d *queue.Delivery) {
			next(ctx, d)
			if handled.Add(1)%50 == 0 {
				_ = d.Message.Ack(false)
			}
		}
	})
	l.AwaitReady(t)
	ids := l.Submit(t, 300)
	l.AwaitReported(t, ids)
	l.AwaitEmpty(t)
	require.Equal(t, 300, l.API.Keys())
}

func TestKilledConnectionIsMadeAnew(t *testing.T) {
	t.Parallel()
	l := consumertest.New(t)
	l.Start(t, nil)
	l.AwaitReady(t)
	for range 3 {
		ids := l.Submit(t, 50)
		l.Node.CloseConnections(t, l.URL)
		l.Connect(t)
		l.AwaitReported(t, ids)
		l.AwaitEmpty(t)
		l.AwaitReady(t)
	}
}

func TestFailedAckNeverStopsTheNextJob(t *testing.T) {
	t.Parallel()
	l := consumertest.New(t)
	var finished atomic.Bool
	l.AI.Answers(func(_ http.ResponseWriter, id string) bool {
		if id == "m5" && finished.CompareAndSwap(false, true) {
			l.Consumer.Link.Drop() // while the job runs: its ack will fail
		}
		return false
	})
	l.Start(t, nil, "CONCURRENCY=1")
	l.AwaitReady(t)
	ids := l.Submit(t, 5)
	l.AwaitReported(t, ids)
	l.AwaitEmpty(t)
	l.AwaitReported(t, l.Submit(t, 5))
	l.AwaitEmpty(t)
	require.Equal(t, 1, l.AI.Times("m5"), "the finished job came again and was recognised")
	require.Equal(t, 1, l.API.Requests("m5"))
}

func TestDeletedQueueIsDeclaredAgain(t *testing.T) {
	t.Parallel()
	l := consumertest.New(t)
	l.Start(t, nil)
	l.AwaitReady(t)
	deleteJobs(t, l)
	require.Eventually(t, func() bool {
		ch, err := l.Conn.Channel()
		if err != nil {
			return false
		}
		defer func() { _ = ch.Close() }()
		q, err := ch.QueueDeclarePassive("jobs", true, false, false, false, nil)
		return err == nil && q.Consumers == 1
	}, consumertest.Within, 10*time.Millisecond)
	l.AwaitReported(t, l.Submit(t, 10))
}

// The broker keeps nothing of a deleted queue: a job that runs on and then fails is only with us.
func TestJobThatFailsAfterItsQueueWasDeletedComesAgain(t *testing.T) {
	t.Parallel()
	l := consumertest.New(t)
	fail := make(chan struct{})
	l.AI.Answers(func(w http.ResponseWriter, id string) bool {
		if id != "m1" || l.AI.Times("m1") > 1 {
			return false
		}
		<-fail
		w.WriteHeader(http.StatusInternalServerError)
		return true
	})
	left := make(chan error, 10)
	l.Start(t, func(c *consumer.Consumer) {
		source := c.Source.(*queue.Source)
		next := source.OnLeft
		source.OnLeft = func(why error) {
			next(why)
			left <- why
		}
	})
	l.AwaitReady(t)
	ids := l.Submit(t, 1)
	l.AwaitHeld(t, "[0,1]")
	deleteJobs(t, l)
	require.ErrorIs(t, <-left, queue.ErrCancelled) // the channel of m1 is closed by now
	close(fail)
	l.AwaitReported(t, ids)
	l.AwaitEmpty(t)
	require.Equal(t, 2, l.AI.Times("m1"))
}

// Told to stop, what was kept goes back into the queue, begun or not, though that has to be made anew.
func TestStopAfterItsQueueWasDeletedLosesNoJob(t *testing.T) {
	t.Parallel()
	l := consumertest.New(t)
	l.AI.Hold(t)
	l.Start(t, nil, "CONCURRENCY=1", "AMQP_PREFETCH=3", "DRAIN_TIMEOUT=400ms")
	l.AwaitReady(t)
	l.Submit(t, 3)
	l.AwaitHeld(t, "[0,3]")
	require.Eventually(t, func() bool { return l.AI.Times("m1") == 1 }, consumertest.Within, time.Millisecond)
	deleteJobs(t, l)
	require.Eventually(t, func() bool { return !l.Consumer.Board.Consuming() }, consumertest.Within, time.Millisecond, "the cancel is noticed")
	l.Stop()
	<-l.Done
	l.AwaitHeld(t, "[3,0]")
	require.Zero(t, l.API.Keys())
}

func deleteJobs(t *testing.T, l *consumertest.Lab) {
	t.Helper()
	ch, err := l.Conn.Channel()
	require.NoError(t, err)
	_, err = ch.QueueDelete("jobs", false, false, false)
	require.NoError(t, err)
}

// swallow is an Acknowledger whose words never arrive.
type swallow struct{}

func (swallow) Ack(uint64, bool) error        { return nil }
func (swallow) Nack(uint64, bool, bool) error { return nil }
func (swallow) Reject(uint64, bool) error     { return nil }

func TestSwallowedAcksHeal(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string]int32{"one": 1, "as many as the prefetch": 8} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := consumertest.New(t)
			var handled atomic.Int32
			l.Start(t, func(c *consumer.Consumer) {
				next := c.Handle
				c.Handle = func(ctx context.Context, d *queue.Delivery) {
					if handled.Add(1) <= lost {
						d.Message.Acknowledger = swallow{}
					}
					next(ctx, d)
				}
			}, "STALL_AFTER=200ms")
			l.AwaitReady(t)
			ids := l.Submit(t, 50)
			l.AwaitReported(t, ids)
			l.AwaitEmpty(t)
			for _, id := range ids {
				require.Equal(t, 1, l.AI.Times(id), "%s came again and was recognised", id)
			}
		})
	}
}

// A broker short of memory stops reading from connections that publish. The acks must go on.
func TestMemoryAlarmStopsNoAck(t *testing.T) {
	t.Parallel()
	node, url := brokertest.Own(t)
	l := consumertest.On(t, node, url)
	var lifted atomic.Bool
	l.AI.Answers(func(w http.ResponseWriter, id string) bool {
		if id != "m1" || lifted.Load() {
			return false
		}
		w.WriteHeader(http.StatusInternalServerError)
		return true
	})
	ids := l.SubmitBefore(t, 50)
	node.Eval(t, `vm_memory_monitor:set_vm_memory_high_watermark(0)`)
	l.Start(t, nil)
	l.AwaitReported(t, ids[1:])
	l.AwaitHeld(t, "[0,1]") // m1 waits until its copy is taken; the rest is acked
	lifted.Store(true)
	node.Eval(t, `vm_memory_monitor:set_vm_memory_high_watermark(0.9)`)
	l.AwaitReported(t, ids)
	l.AwaitEmpty(t)
	require.Equal(t, 50, l.API.Keys())
}
