package broker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// dialLimit bounds a connection attempt, handshake included, when ctx does not bound it tighter.
const dialLimit = 5 * time.Second

// Dial connects and opens, bounded by ctx and by 5 s. Its errors say what to do and hide the
// password. The *amqp.Error of a broker that refused is in their chain.
func Dial(ctx context.Context, rawURL string) (*amqp.Connection, error) {
	if _, err := parse(rawURL); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	unwatch := func() bool { return false }
	conn, err := amqp.DialConfig(rawURL, amqp.Config{
		Dial: func(network, addr string) (net.Conn, error) {
			c, err := new(net.Dialer).DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			unwatch = context.AfterFunc(ctx, func() { c.Close() }) // also ends a handshake that hangs
			return c, nil
		},
	})
	if err == nil && !unwatch() {
		conn.Close()
		err = ctx.Err()
	}
	if err != nil {
		unwatch()
		return nil, fmt.Errorf("broker: connect to %s: %w", Redact(rawURL), explain(ctx, err))
	}
	return conn, nil
}

// explain puts what a user needs to know before the error of a failed connection.
func explain(ctx context.Context, err error) error {
	var ae *amqp.Error
	fromBroker := errors.As(err, &ae) && ae.Server
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nothing listens there; start the broker or correct host and port: %w", err)
	case ctx.Err() != nil: // the library's own error is that of a closed connection
		return fmt.Errorf("no answer in time; is it a RabbitMQ, and not paused: %w", ctx.Err())
	case fromBroker && ae.Code == amqp.AccessRefused, errors.Is(err, amqp.ErrCredentials):
		return fmt.Errorf("user or password not accepted: %w", err)
	case fromBroker && ae.Code == amqp.NotAllowed:
		return fmt.Errorf("the vhost does not exist or the user may not use it: %w", err)
	case ae != nil && !ae.Server:
		return fmt.Errorf("the connection ended during the handshake: %w", err)
	}
	return err
}
