package main

import (
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// ackWithin is how long a finished job may wait for others, so that one ack settles them all.
const ackWithin = 10 * time.Millisecond

// session is one opening of the channel and what was delivered on it.
type session struct {
	link *link
	ch   settler

	mu    sync.Mutex
	last  uint64          // highest tag delivered
	heard time.Time       // when anything was last delivered or settled
	open  []uint64        // tags delivered and not settled, ascending
	done  map[uint64]bool // those of them whose job is done
	timer *time.Timer     // flushes what waits
}

// settler is what a session needs of its channel.
type settler interface {
	Ack(tag uint64, multiple bool) error
	Nack(tag uint64, multiple, requeue bool) error
}

func newSession(l *link, ch settler) *session {
	s := &session{link: l, ch: ch, heard: time.Now(), done: map[uint64]bool{}}
	s.timer = time.AfterFunc(time.Hour, s.flush)
	s.timer.Stop()
	return s
}

// read takes deliveries until the library closes deliveries: with the next session, for good, or
// because the broker has cancelled the consumer.
func (s *session) read(deliveries <-chan amqp.Delivery) {
	for d := range deliveries {
		if now, _ := s.link.session(); now != s {
			continue // left over in the library's buffer
		}
		fresh, err := s.take(d.DeliveryTag)
		if err != nil {
			s.link.log.Warn("connection dropped", "reason", err)
			s.link.drop()
		}
		if !fresh {
			continue
		}
		select {
		case s.link.jobs <- job{session: s, message: d}:
		case <-s.link.draining:
			s.handBack(d.DeliveryTag)
		}
	}
	select {
	case <-s.link.draining:
		return
	default:
	}
	if now, _ := s.link.session(); now == s {
		// The library recovers from what closes a channel, and a cancel does not. What we have in hand
		// comes again, to whoever consumes the queue by then.
		s.link.log.Warn("connection dropped", "reason", errCancelled)
		s.link.drop()
	}
}

// take notes a delivery. The broker numbers them one by one, so that a gap means that one is lost, and
// a number seen before is an echo.
func (s *session) take(tag uint64) (fresh bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if tag <= s.last {
		return false, nil
	}
	if tag != s.last+1 {
		err = errGap
	}
	s.last, s.heard = tag, time.Now()
	s.open = append(s.open, tag)
	return true, err
}

// finish settles a job that is done. While others run it may wait a little: one ack with "multiple"
// then settles all up to its tag. It may only be sent when every job up to there is done.
func (s *session) finish(tag uint64) {
	s.mu.Lock()
	s.done[tag] = true
	atOnce := len(s.done) == len(s.open) || len(s.done) >= s.link.settings.prefetch/2
	if !atOnce {
		s.timer.Reset(ackWithin)
	}
	s.mu.Unlock()
	if atOnce {
		s.flush()
	}
}

// flush acks what is done: the unbroken row from the oldest on by one ack, what is done out of turn by
// one each.
func (s *session) flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	row := 0
	for row < len(s.open) && s.done[s.open[row]] {
		row++
	}
	var rest []uint64
	if row > 0 {
		s.send(func() error { return s.ch.Ack(s.open[row-1], row > 1) })
	}
	for _, tag := range s.open[row:] {
		if !s.done[tag] {
			rest = append(rest, tag)
			continue
		}
		s.send(func() error { return s.ch.Ack(tag, false) })
	}
	s.open, s.heard = rest, time.Now()
	clear(s.done)
}

// handBack puts a message back into the queue for somebody else.
func (s *session) handBack(tag uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, t := range s.open {
		if t == tag {
			s.open = append(s.open[:i], s.open[i+1:]...)
			s.heard = time.Now()
			s.send(func() error { return s.ch.Nack(tag, false, true) })
			return
		}
	}
}

// send sends a settlement. When it fails, or comes too late, the message comes again, and its report
// will be recognised by its key: there is nothing to be done but to go on.
func (s *session) send(settlement func() error) {
	if err := s.link.settle(s, settlement); err != nil {
		s.link.log.Debug("not settled; the message comes again", "error", err)
	}
}

// idle tells how many messages it holds, whether anything was ever delivered, and since when all is silent.
func (s *session) idle() (held int, delivered bool, since time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open), s.last > 0, s.heard
}
