package queue

import (
	"errors"
	"fmt"
	"sync/atomic"

	amqp "github.com/rabbitmq/amqp091-go"
)

// ErrSettled means that the delivery was settled before; nothing was sent.
var ErrSettled = errors.New("delivery already settled")

// ErrNotDelivered means that there is no delivery to settle (tag 0); nothing was sent.
var ErrNotDelivered = errors.New("never delivered: there is nothing to settle")

// Delivery is one message as the broker delivered it. It remembers its own channel, is settled at
// most once, and never on another channel. Safe for many goroutines.
type Delivery struct {
	Message amqp.Delivery

	settled  atomic.Bool
	release  func()       // told once, when settled
	orphaned *atomic.Bool // shared by all of a session; nil: never
}

// NewDelivery wraps a message. Release, which may be nil, is called once, when it is settled.
func NewDelivery(m amqp.Delivery, release func()) *Delivery {
	return &Delivery{Message: m, release: release}
}

// Ack tells the broker that the job is done. After an error the message may come again.
func (d *Delivery) Ack() error {
	return d.settle("ack", func() error { return d.Message.Ack(false) })
}

// HandBack puts the message back into the queue, for any consumer.
func (d *Delivery) HandBack() error {
	return d.settle("hand back", func() error { return d.Message.Nack(false, true) })
}

// Orphaned tells whether the broker may have no copy of the message: its queue may be gone. To hand it
// back is to lose it then; who does not finish it has to publish it again.
func (d *Delivery) Orphaned() bool { return d.orphaned != nil && d.orphaned.Load() }

// Lost tells whether the channel that it came by is known to be closed: the broker has taken the message
// back then, and delivers it again whatever we do with it. What is orphaned is never lost in this way.
func (d *Delivery) Lost() bool {
	if d.Orphaned() {
		return false
	}
	ch, ok := d.Message.Acknowledger.(interface{ IsClosed() bool })
	return ok && ch.IsClosed()
}

// Channel is the one that it came by, and is settled on; nil when it came by none.
func (d *Delivery) Channel() *amqp.Channel {
	switch a := d.Message.Acknowledger.(type) {
	case *gate:
		return a.ch
	case *amqp.Channel:
		return a
	}
	return nil
}

// Settled tells whether Ack or HandBack was called.
func (d *Delivery) Settled() bool { return d.settled.Load() }

func (d *Delivery) settle(what string, send func() error) error {
	if d.Message.DeliveryTag == 0 {
		return fmt.Errorf("%s message %q: %w", what, d.Message.MessageId, ErrNotDelivered)
	}
	if !d.settled.CompareAndSwap(false, true) {
		return fmt.Errorf("%s message %q: %w", what, d.Message.MessageId, ErrSettled)
	}
	if d.release != nil {
		defer d.release()
	}
	if err := send(); err != nil {
		return fmt.Errorf("%s message %q, tag %d: %w; the broker will deliver it again", what, d.Message.MessageId, d.Message.DeliveryTag, err)
	}
	return nil
}
