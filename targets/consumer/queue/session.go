package queue

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

const consumerTag = "consumer"

// session is one channel's life: from the consume to its end, for whatever reason.
type session struct {
	source     *Source
	ch         *amqp.Channel
	gate       *gate // of ch
	deliveries <-chan amqp.Delivery
	closed     chan *amqp.Error
	cancelled  chan string
	prefetch   int
	stallAfter time.Duration

	pending []*Delivery  // delivered, not started
	lastTag uint64       // highest tag delivered on this channel
	unsent  atomic.Int64 // delivered and not settled by us
	began   time.Time
	room    atomic.Int64 // since began, in ns: when there was room again for a delivery, after there was none
	dead    bool         // nothing can be settled on it any more

	orphaned atomic.Bool // its deliveries are kept, and the broker may have no copy of them

	arrived int64 // bytes from the broker up to the last delivery, or doubt, or the beginning
}

// pump takes deliveries and passes them to the pool until ctx ends or the channel is of no more use.
func (n *session) pump(ctx context.Context, workers *pool) error {
	silence := time.NewTicker(n.stallAfter)
	defer silence.Stop()
	for {
		var next *Delivery
		var start chan<- *Delivery
		if len(n.pending) > 0 {
			next, start = n.pending[0], workers.work
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case start <- next:
			n.pending = n.pending[1:]
		case m, ok := <-n.deliveries:
			if !ok {
				return n.ended()
			}
			silence.Reset(n.stallAfter)
			if err := n.take(m); err != nil {
				return err
			}
		case _, open := <-n.cancelled:
			if open {
				return ErrCancelled
			}
			return n.ended() // closed together with the channel
		case <-silence.C:
			if err := n.doubt(ctx); err != nil {
				return err
			}
		}
	}
}

// take notes a delivery. The broker numbers them from 1 on each channel: a gap means that one never
// arrived and would stay with us, unseen, until the channel closes; a number seen before is an echo.
func (n *session) take(m amqp.Delivery) error {
	if m.DeliveryTag <= n.lastTag {
		return nil
	}
	missing := m.DeliveryTag - n.lastTag - 1
	n.lastTag, n.arrived = m.DeliveryTag, n.source.arrived()
	n.unsent.Add(1)
	n.pending = append(n.pending, n.delivery(m, n.settled))
	if missing > 0 {
		return fmt.Errorf("%w of %d before %d", ErrGap, missing, m.DeliveryTag)
	}
	return nil
}

// delivery is a message that is settled on this channel or not at all.
func (n *session) delivery(m amqp.Delivery, release func()) *Delivery {
	if n.gate != nil {
		m.Acknowledger = n.gate
	}
	d := NewDelivery(m, release)
	d.orphaned = &n.orphaned
	return d
}

func (n *session) settled() {
	if n.unsent.Add(-1) == int64(n.prefetch)-1 {
		n.room.Store(int64(time.Since(n.began)))
	}
}

// ended tells why nothing comes any more. The reason arrives by another way at about the same time.
func (n *session) ended() error {
	timer := time.NewTimer(100 * time.Millisecond)
	defer timer.Stop()
	for {
		select {
		case err := <-n.closed:
			n.dead = true
			if err != nil {
				return err
			}
			return ErrLost
		case _, open := <-n.cancelled:
			if open {
				return ErrCancelled // the channel itself stays open
			}
			n.cancelled = nil
		case <-timer.C:
			n.dead = true
			return ErrLost
		}
	}
}

// doubt is called after a silence. Acks and deliveries can get lost without any sign of it: then the
// broker thinks that we hold messages which we do not hold, and delivers less or nothing.
func (n *session) doubt(ctx context.Context) error {
	held := int(n.unsent.Load())
	if held >= n.prefetch {
		return nil // silence is right: every slot is taken
	}
	if time.Since(n.began)-time.Duration(n.room.Load()) < n.stallAfter/2 {
		return nil // nothing could come before: the broker has hardly heard of the room
	}
	if n.arriving() {
		return nil // no silence at all: a large message is on its way
	}
	if held == 0 && n.lastTag > 0 {
		return ErrUnproven
	}
	ready, err := n.source.ready(ctx)
	if err != nil {
		if errors.Is(err, ErrNoAnswer) {
			n.dead = true
			n.source.Link.Drop()
			return err
		}
		return fmt.Errorf("%w; asking for its depth: %w", ErrStalled, err)
	}
	if ready > 0 {
		return fmt.Errorf("%w (%d ready)", ErrStalled, ready)
	}
	return nil
}

// ready asks how many messages wait in the queue, on a channel of its own: a queue that is missing
// closes the channel that asks.
func (s *Source) ready(ctx context.Context) (int, error) {
	ch, err := s.Link.Channel(ctx)
	if err != nil {
		return 0, err
	}
	q, err := within(context.WithoutCancel(ctx), s.Link.timeout(), func() (amqp.Queue, error) {
		defer func() { _ = ch.Close() }()
		return ch.QueueDeclarePassive(s.Topology.Jobs, true, false, false, false, nil)
	})
	return q.Messages, err
}

// finish passes everything in hand to the pool, also when we are told to stop: nobody else may have it.
// The consumer has ended: the library closes deliveries once it has given what it holds.
func (n *session) finish(workers *pool) {
	n.orphaned.Store(true)
	for m := range n.deliveries {
		if m.DeliveryTag > n.lastTag {
			n.lastTag = m.DeliveryTag
			n.pending = append(n.pending, n.delivery(m, nil))
		}
	}
	for _, d := range n.pending {
		workers.work <- d
	}
	n.pending = nil
}

// leave stops the broker from sending more and hands back what no handler has started. On a dead
// channel there is nothing to do: the broker has taken everything back by itself.
func (n *session) leave(ctx context.Context) {
	if n.dead || n.ch.IsClosed() {
		return
	}
	ctx = context.WithoutCancel(ctx)
	err := bounded(ctx, n.source.Link.timeout(), func() error { return n.ch.Cancel(consumerTag, false) })
	if errors.Is(err, ErrNoAnswer) {
		n.source.Link.Drop()
		return
	}
	n.handBack(n.pending)
	n.pending = nil
	limit := time.NewTimer(n.source.Link.timeout())
	defer limit.Stop()
	for {
		select {
		case m, ok := <-n.deliveries:
			if !ok {
				return
			}
			if m.DeliveryTag > n.lastTag {
				n.lastTag = m.DeliveryTag
				n.handBack([]*Delivery{NewDelivery(m, nil)})
			}
		case <-limit.C:
			return
		}
	}
}

func (n *session) handBack(ds []*Delivery) {
	for _, d := range ds {
		if err := d.HandBack(); err != nil {
			orDiscard(n.source.Log).Debug("not handed back; the broker takes it back with the channel", "error", err)
			return
		}
	}
}

// close ends the channel. What is still unsettled goes back to the queue.
func (n *session) close() {
	if n.ch.IsClosed() {
		return
	}
	err := bounded(context.Background(), n.source.Link.timeout(), func() error {
		n.gate.close()
		return n.ch.Close()
	})
	if errors.Is(err, ErrNoAnswer) {
		n.source.Link.Drop()
	}
}
