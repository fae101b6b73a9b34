package queue

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer/brokertest"
)

func TestTakeNoticesWhatGotLostOrCameTwice(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		tags  []uint64
		taken int
		gap   bool
	}{
		"in order":   {[]uint64{1, 2, 3}, 3, false},
		"echo":       {[]uint64{1, 2, 2, 1, 3}, 3, false},
		"gap":        {[]uint64{1, 3}, 2, true},
		"first lost": {[]uint64{2}, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := &session{source: &Source{}}
			var err error
			for _, tag := range c.tags {
				err = errors.Join(err, n.take(amqp.Delivery{DeliveryTag: tag}))
			}
			require.Equal(t, c.gap, errors.Is(err, ErrGap))
			require.Len(t, n.pending, c.taken)
			require.Equal(t, int64(c.taken), n.unsent.Load())
		})
	}
}

func TestDoubtKnowsARightSilence(t *testing.T) {
	t.Parallel()
	n := &session{source: &Source{}, prefetch: 2}
	require.NoError(t, n.take(amqp.Delivery{DeliveryTag: 1}))
	require.NoError(t, n.take(amqp.Delivery{DeliveryTag: 2}))
	require.NoError(t, n.doubt(t.Context()), "every slot is taken: nothing can come")
	for _, d := range n.pending {
		d.Message.Acknowledger = mute{}
		require.NoError(t, d.Ack())
	}
	require.ErrorIs(t, n.doubt(t.Context()), ErrUnproven)
}

// A job that took as long as a silence may last is no silence: there was no room for another.
func TestDoubtGivesTheBrokerTimeToFillTheRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := &session{source: &Source{}, prefetch: 2, stallAfter: time.Second, began: time.Now()}
		time.Sleep(time.Hour)
		for tag := range uint64(2) {
			require.NoError(t, n.take(amqp.Delivery{DeliveryTag: tag + 1, Acknowledger: mute{}}))
		}
		time.Sleep(time.Second)
		require.NoError(t, n.pending[0].Ack())
		require.NoError(t, n.doubt(t.Context()), "there is room only now")
		time.Sleep(time.Second / 2)
		require.NoError(t, n.pending[1].Ack())
		require.ErrorIs(t, n.doubt(t.Context()), ErrUnproven, "there has been room for a while")
	})
}

// A message of many megabytes takes longer than a silence may last.
func TestDoubtWaitsForWhatIsOnItsWay(t *testing.T) {
	t.Parallel()
	link := &Link{}
	n := &session{source: &Source{Link: link}, prefetch: 2}
	link.arrived.Add(1 << 20)
	require.NoError(t, n.take(amqp.Delivery{DeliveryTag: 1}))
	n.pending[0].Message.Acknowledger = mute{}
	require.NoError(t, n.pending[0].Ack())
	for range 3 {
		link.arrived.Add(trickle + 1)
		require.NoError(t, n.doubt(t.Context()), "it is arriving")
	}
	link.arrived.Add(100) // a heartbeat or two
	require.ErrorIs(t, n.doubt(t.Context()), ErrUnproven)
}

// What came over earlier channels and connections is no message on its way now.
func TestFirstDoubtOfAChannelIsNotExcused(t *testing.T) {
	t.Parallel()
	_, url := brokertest.Vhost(t)
	s := &Source{Link: &Link{URL: url, Name: "test"}, Topology: Topology{Jobs: "jobs", Retry: "jobs.retry", Dead: "jobs.dead"}}
	t.Cleanup(func() { _ = s.Link.Close(time.Second) })
	s.Link.arrived.Add(1 << 20)
	n, err := s.open(t.Context())
	require.NoError(t, err)
	require.False(t, n.arriving())
}

type mute struct{}

func (mute) Ack(uint64, bool) error        { return nil }
func (mute) Nack(uint64, bool, bool) error { return nil }
func (mute) Reject(uint64, bool) error     { return nil }

func TestWithinGivesUp(t *testing.T) {
	t.Parallel()
	never := func() (int, error) { select {} }
	_, err := within(t.Context(), time.Millisecond, never)
	require.ErrorIs(t, err, ErrNoAnswer)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = within(ctx, time.Hour, never)
	require.ErrorIs(t, err, context.Canceled)
	v, err := within(t.Context(), time.Hour, func() (int, error) { return 7, nil })
	require.NoError(t, err)
	require.Equal(t, 7, v)
}

// When a channel is closed, the client library closes its list of cancels with it. That is no cancel.
func TestEndedTellsACloseFromACancel(t *testing.T) {
	t.Parallel()
	for range 100 { // a select between two that are ready is a matter of luck
		n := &session{closed: make(chan *amqp.Error, 1), cancelled: make(chan string)}
		n.closed <- &amqp.Error{Code: 406}
		close(n.cancelled)
		err := n.ended()
		require.ErrorContains(t, err, "406")
		require.True(t, n.dead)

		n = &session{closed: make(chan *amqp.Error, 1), cancelled: make(chan string, 1)}
		n.cancelled <- "consumer"
		require.ErrorIs(t, n.ended(), ErrCancelled)
		require.False(t, n.dead)
	}
}
