package guard

import (
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// Listener guards the connections that it accepts. The zero value of each other field is right.
type Listener struct {
	net.Listener
	Crowd

	// Allow lets a request pass in spite of a reason. Nil: none is.
	Allow func(Reason) bool
	// Refused is told of each request that is refused.
	Refused func(remote net.Addr, r Reason)
}

// Accept waits for the next connection.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.enter() {
			return &conn{Conn: c, crowd: &l.Crowd, refused: l.Refused, scan: scanner{allow: l.Allow, first: true}}, nil
		}
		l.turn(c)
	}
}

// Hijacked goes into http.Server.ConnState: a connection that was upgraded carries no more requests. Without
// it, an upgraded connection is still read as HTTP/1.
func Hijacked(c net.Conn, s http.ConnState) {
	if g, ok := c.(*conn); ok && s == http.StateHijacked {
		g.passed.Store(true)
	}
}

// poison stands in for what is refused. Wherever in a head, a chunk's line or a trailer it comes, net/http finds it
// malformed: it answers 400 when the requests before are answered, and closes. An answer of our own could come
// between theirs, and an error would cancel the one that is being served.
const poison = "\r\x00\r\n\r\n"

// conn is a guarded connection. It gives the server each byte only once it has judged it.
type conn struct {
	net.Conn
	crowd   *Crowd
	left    atomic.Bool // the crowd
	refused func(net.Addr, Reason)
	scan    scanner
	bad     atomic.Bool // something was refused; the connection is at its end
	poison  string      // what the server has not read of it
	passed  atomic.Bool // no more requests will come
}

func (c *conn) Read(p []byte) (int, error) {
	if c.passed.Load() {
		return c.Conn.Read(p)
	}
	if c.bad.Load() {
		return c.rest(p)
	}
	n, err := c.Conn.Read(p)
	good, reason := c.scan.scan(p[:n])
	if reason == "" {
		return n, err
	}
	c.bad.Store(true)
	c.poison = poison
	if c.refused != nil {
		c.refused(c.RemoteAddr(), reason)
	}
	n, err = c.rest(p[good:])
	return good + n, err
}

func (c *conn) rest(p []byte) (int, error) {
	if c.poison == "" && len(p) > 0 {
		return 0, io.EOF
	}
	n := copy(p, c.poison)
	c.poison = c.poison[n:]
	return n, nil
}

// ReadFrom lets a tunnel use what the connection below can do.
func (c *conn) ReadFrom(r io.Reader) (int64, error) { return io.Copy(c.Conn, r) }

// CloseWrite is what net/http ends an answer with when it has not read the whole request.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Close reads a little of what still comes after a refusal: a connection that is closed with unread data is
// reset, and the client would lose the answer.
func (c *conn) Close() error {
	defer func() {
		if !c.left.Swap(true) {
			c.crowd.Open.Add(-1)
		}
	}()
	const linger, most = 500 * time.Millisecond, 256 << 10
	if c.bad.Load() && !c.passed.Swap(true) && c.CloseWrite() == nil {
		_ = c.SetReadDeadline(time.Now().Add(linger))
		_, _ = io.CopyN(io.Discard, c.Conn, most)
	}
	return c.Conn.Close()
}
