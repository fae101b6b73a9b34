package queue

import (
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"
)

// gate is what the deliveries of a session are settled through. The library lets an ack out behind our own
// close of the channel, and the broker, which knows no such channel any more, ends the whole connection (504).
type gate struct {
	ch *amqp.Channel

	mu   sync.RWMutex // held for reading while something is settled
	shut bool
}

// close lets nothing out any more, and returns once all that was let out has been sent.
func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = true
}

// IsClosed tells whether nothing can be settled any more.
func (g *gate) IsClosed() bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.shut || g.ch.IsClosed()
}

func (g *gate) pass(settle func() error) error {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if g.shut {
		return amqp.ErrClosed
	}
	return settle()
}

// Ack implements amqp.Acknowledger.
func (g *gate) Ack(tag uint64, multiple bool) error {
	return g.pass(func() error { return g.ch.Ack(tag, multiple) })
}

// Nack implements amqp.Acknowledger.
func (g *gate) Nack(tag uint64, multiple, requeue bool) error {
	return g.pass(func() error { return g.ch.Nack(tag, multiple, requeue) })
}

// Reject implements amqp.Acknowledger.
func (g *gate) Reject(tag uint64, requeue bool) error {
	return g.pass(func() error { return g.ch.Reject(tag, requeue) })
}
