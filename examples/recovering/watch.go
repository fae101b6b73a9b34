package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

var (
	errFinal    = errors.New("the library has given up")
	errNoReturn = errors.New("the library did not bring a session back in time")
	errUnproven = errors.New("idle: renewed once, so that lost acks and deliveries come back")
	errStalled  = errors.New("nothing is delivered though messages are ready and there is room for them")
)

// watch looks after an open connection until ctx ends or the connection is of no more use. An ack or a
// delivery can get lost without any sign; the broker then thinks that we hold a message, and with a
// prefetch of 1 delivers nothing more, for ever. No recovery starts by itself then, so we start one.
func (l *link) watch(ctx context.Context, conn *amqp.Connection, ch *amqp.Channel, depth func(context.Context) (int, error)) error {
	over := make(chan error, 2)
	for _, notify := range []func(chan *amqp.StateChanged){conn.NotifyStateChange, ch.NotifyStateChange} {
		states := make(chan *amqp.StateChanged, 8)
		notify(states)
		go func() {
			var last error
			for s := range states { // closed after the last state, which is "closed"
				last = s.Err
			}
			over <- fmt.Errorf("%w: %w", errFinal, orEnded(last))
		}()
	}
	tick := time.NewTicker(l.settings.stallAfter / 4)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-over:
			return err
		case <-tick.C:
		}
		s, lost := l.session()
		if s == nil {
			if away := time.Since(lost); away > l.settings.callLimit+3*l.settings.recoveryInterval {
				return fmt.Errorf("%w (%v)", errNoReturn, away.Round(time.Millisecond))
			}
			continue
		}
		if err := l.doubt(ctx, s, depth); err != nil {
			l.log.Warn("connection dropped", "reason", err)
			l.drop()
			l.end(nil)
		}
	}
}

// doubt tells what speaks against the session.
func (l *link) doubt(ctx context.Context, s *session, depth func(context.Context) (int, error)) error {
	held, delivered, since := s.idle()
	switch {
	case time.Since(since) < l.settings.stallAfter || held >= l.settings.prefetch:
		return nil // silence is right while every slot is taken
	case held == 0 && delivered:
		return errUnproven
	}
	ready, err := depth(ctx)
	if err != nil || ready == 0 {
		return nil //nolint:nilerr // a broker that cannot be asked is not this session's fault
	}
	// The answer may have taken its time: another session may be the present one, or things move again.
	now, _ := l.session()
	if held, _, heard := s.idle(); now != s || heard != since || held >= l.settings.prefetch {
		return nil
	}
	return fmt.Errorf("%w (%d ready)", errStalled, ready)
}

func orEnded(err error) error {
	if err == nil {
		return amqp.ErrClosed
	}
	return err
}
