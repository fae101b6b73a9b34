package queue_test

import (
	"io"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer/brokertest"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
)

// A broker that accepts and then says nothing, or next to nothing, costs no more than the time-out.
func TestHandshakeHasALimit(t *testing.T) {
	t.Parallel()
	_, raw := brokertest.Vhost(t)
	broker, err := url.Parse(raw)
	require.NoError(t, err)
	through := *broker
	ln := front(t, broker.Host, 2)
	through.Host = ln.Addr().String()
	l := &queue.Link{URL: through.String(), Name: "test", Timeout: 100 * time.Millisecond, Min: time.Millisecond, Max: 2 * time.Millisecond}
	t.Cleanup(func() { _ = l.Close(time.Second) })
	_, err = l.Channel(t.Context())
	require.NoError(t, err)
	require.True(t, l.Up())
}

// front stands before a broker. It says nothing to the first connections, and ends them when their
// clients do.
func front(t *testing.T, broker string, silent int) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for n := 0; ; n++ {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			if n < silent {
				go func() {
					_, _ = io.Copy(io.Discard, c)
					_ = c.Close()
				}()
				continue
			}
			go relay(c, broker)
		}
	}()
	return ln
}

func relay(c net.Conn, broker string) {
	defer c.Close()
	b, err := net.Dial("tcp", broker)
	if err != nil {
		return
	}
	defer b.Close()
	go func() {
		_, _ = io.Copy(b, c)
		_ = b.Close()
	}()
	_, _ = io.Copy(c, b)
}
