package guard

import (
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// Crowd bounds how many connections clients may have, with what each of them costs of memory and descriptors. Who
// comes when it is full is told so and let go, rather than left to wait for somebody to leave. The zero value has no bound.
type Crowd struct {
	Most       int           // connections at a time; 0: any number
	RetryAfter time.Duration // that one too many is told, in whole seconds

	Open   atomic.Int64 // now
	Turned atomic.Int64 // away so far

	telling atomic.Int64 // of them, being told
}

// The limits of what one who is turned away may cost, and how many may be told at a time: the others are only closed.
const (
	tellLimit = 500 * time.Millisecond
	tellBytes = 256 << 10
	tellMost  = 100
)

// enter counts a connection in, and tells whether it may be.
func (c *Crowd) enter() bool {
	if n := c.Open.Add(1); c.Most > 0 && n > int64(c.Most) {
		c.Open.Add(-1)
		return false
	}
	return true
}

// turn answers a connection for which there is no room, and ends it.
func (c *Crowd) turn(conn net.Conn) {
	c.Turned.Add(1)
	if c.telling.Add(1) > tellMost {
		c.telling.Add(-1)
		_ = conn.Close()
		return
	}
	go func() {
		defer c.telling.Add(-1)
		defer func() { _ = conn.Close() }()
		_ = conn.SetDeadline(time.Now().Add(tellLimit))
		if _, err := io.WriteString(conn, c.answer()); err != nil {
			return
		}
		// Closed with its request unread, the connection would be reset, and the answer might be lost.
		if half, ok := conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
			_, _ = io.CopyN(io.Discard, conn, tellBytes)
		}
	}()
}

func (c *Crowd) answer() string {
	const status, text = http.StatusServiceUnavailable, "too many connections\n"
	return fmt.Sprintf("HTTP/1.1 %d %s\r\nConnection: close\r\nRetry-After: %.0f\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n\r\n%s",
		status, http.StatusText(status), math.Ceil(c.RetryAfter.Seconds()), len(text), text)
}
