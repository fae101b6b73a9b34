package wire

import (
	"net"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
)

// dialWrapped connects a client straight to the broker, with the wire in its own process.
func (x *bench) dialWrapped(w *Wire) *amqp.Connection {
	conn, err := amqp.DialConfig(x.rawURL, amqp.Config{Locale: "en_US", Heartbeat: 10 * time.Second,
		Dial: func(network, addr string) (net.Conn, error) {
			c, err := net.DialTimeout(network, addr, patient)
			if err != nil {
				return nil, err
			}
			return w.Wrap(c), nil
		}})
	require.NoError(x, err)
	x.Cleanup(func() { _ = conn.CloseDeadline(time.Now().Add(time.Second)) })
	return conn
}
