package queue

import (
	"fmt"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer/brokertest"
)

// Jobs that end just when their channel is closed do not take the connection with it.
func TestNothingIsSettledBehindTheClose(t *testing.T) {
	t.Parallel()
	_, url := brokertest.Vhost(t)
	names := Topology{Jobs: "jobs", Retry: "jobs.retry", Dead: "jobs.dead"}
	s := &Source{Link: &Link{URL: url, Name: "test"}, Topology: names, Prefetch: 100}
	p := &Publisher{Link: &Link{URL: url, Name: "publisher"}, Topology: names}
	for _, l := range []*Link{s.Link, p.Link} {
		t.Cleanup(func() { _ = l.Close(time.Second) })
	}
	ch, err := s.Link.Channel(t.Context())
	require.NoError(t, err)
	gone := ch.NotifyClose(make(chan *amqp.Error, 1))
	for round := range 20 {
		const jobs = 100
		for i := range jobs {
			require.NoError(t, p.Publish(t.Context(), "jobs", amqp.Publishing{MessageId: fmt.Sprint(round, ".", i)}))
		}
		n, err := s.open(t.Context())
		require.NoError(t, err)
		for range jobs {
			require.NoError(t, n.take(<-n.deliveries))
		}
		var settling sync.WaitGroup
		for _, d := range n.pending {
			settling.Go(func() { _ = d.Ack() })
		}
		n.close()
		settling.Wait()
		require.Empty(t, gone, "round %d", round)
		_, err = ch.QueuePurge("jobs", false)
		require.NoError(t, err, "round %d", round)
	}
}
