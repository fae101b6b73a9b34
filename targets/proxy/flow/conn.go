package flow

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// conn is a client's connection on which a deadline of writes that is put off costs next to nothing: each answer does
// that. The one in force stays; it is replaced when it has passed, or when it must be earlier.
type conn struct {
	*net.TCPConn

	mu            sync.Mutex
	force, wanted time.Time // deadlines; zero: none
	passed        bool      // to ReadFrom, which must not meet one that is not wanted
}

// SetWriteDeadline implements net.Conn.
func (c *conn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wanted = t
	if !c.passed && !c.force.IsZero() && (t.IsZero() || !t.Before(c.force)) {
		return nil
	}
	return c.obey()
}

// SetDeadline implements net.Conn.
func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// obey puts the deadline that is wanted in force. The caller holds mu.
func (c *conn) obey() error {
	c.force = c.wanted
	return c.TCPConn.SetWriteDeadline(c.force)
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (n int, err error) {
	for {
		m, err := c.TCPConn.Write(p[n:])
		n += m
		if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) || !c.early() {
			return n, err
		}
	}
}

// early tells whether the deadline that has passed was not the one that is wanted, which is in force then.
func (c *conn) early() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.force.Equal(c.wanted) && c.obey() == nil
}

// ReadFrom lets a tunnel do without copying.
func (c *conn) ReadFrom(r io.Reader) (int64, error) {
	c.mu.Lock()
	c.passed = true
	err := c.obey()
	c.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return c.TCPConn.ReadFrom(r)
}
