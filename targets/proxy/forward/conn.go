package forward

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"sync/atomic"
	"syscall"
	"time"
)

// headMost is the longest head of an answer, those of 1xx before it included, in bytes.
const headMost = 256 << 10

var errHeadTooLong = fmt.Errorf("the head of the answer is longer than %d bytes", headMost)

// conn is a connection of direct, used by one request at a time.
type conn struct {
	net.Conn
	of    *direct
	raw   syscall.RawConn
	in    *bufio.Reader
	out   *bufio.Writer
	left  int64 // bytes that may be read
	heard bool  // the answer has begun
	kept  bool  // it had an answer before
	since time.Time
}

func newConn(nc net.Conn, of *direct) (*conn, error) {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return nil, fmt.Errorf("%T is no connection of the system", nc)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: nc, of: of, raw: raw}
	c.in, c.out = bufio.NewReaderSize(c, of.ReadBufferSize), bufio.NewWriter(nc)
	return c, nil
}

// Read implements io.Reader for the buffer.
func (c *conn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errHeadTooLong
	}
	n, err := c.Conn.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	c.heard = c.heard || n > 0
	return n, err
}

// silent tells whether nothing has come since the last answer. A backend that closes, or says something that nobody
// has asked for (408, when it closes for want of work), would else have that taken for the next answer.
func (c *conn) silent() bool {
	silent := false
	err := c.raw.Read(func(fd uintptr) bool {
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		silent = errors.Is(err, syscall.EAGAIN)
		return true // it waits for nothing
	})
	return err == nil && silent
}

// roundTrip sends the request and reads the head of the answer. The end of the answer's body, or its Close, ends the
// use of the connection; so does an error.
func (c *conn) roundTrip(r *http.Request) (*http.Response, error) {
	u := &use{c: c, left: context.AfterFunc(r.Context(), c.interrupt)}
	c.left, c.heard = headMost, false
	res, err := c.exchange(r)
	if err != nil {
		u.end(false)
		return nil, err
	}
	c.left = math.MaxInt64
	u.again = !res.Close && res.StatusCode != http.StatusSwitchingProtocols
	if res.Body == http.NoBody {
		u.end(u.again)
		return res, nil
	}
	u.body, res.Body = res.Body, u
	return res, nil
}

// interrupt ends what is read or written now.
func (c *conn) interrupt() { _ = c.SetDeadline(time.Unix(1, 0)) }

func (c *conn) exchange(r *http.Request) (*http.Response, error) {
	if err := r.Write(c.out); err != nil {
		return nil, err
	}
	if err := c.out.Flush(); err != nil {
		return nil, err
	}
	for {
		res, err := http.ReadResponse(c.in, r)
		if err != nil && c.left <= 0 {
			err = errHeadTooLong // whatever was made of its part
		}
		if err != nil || res.StatusCode >= 200 || res.StatusCode == http.StatusSwitchingProtocols {
			return res, err
		}
		if t := httptrace.ContextClientTrace(r.Context()); t != nil && t.Got1xxResponse != nil {
			if err := t.Got1xxResponse(res.StatusCode, textproto.MIMEHeader(res.Header)); err != nil {
				return nil, err
			}
		}
	}
}

// use is that of a connection by one answer, and its body.
type use struct {
	c     *conn
	body  io.ReadCloser
	left  func() bool // no longer interrupted by the request's end; false: it was
	again bool        // the connection may be used again
	over  atomic.Bool
	err   error // how its body ended
}

// Read implements io.Reader.
func (u *use) Read(p []byte) (int, error) {
	if u.over.Load() { // the connection is another's
		return 0, cmp.Or(u.err, net.ErrClosed)
	}
	n, err := u.body.Read(p)
	if err != nil {
		u.err = err
		u.end(err == io.EOF && u.again)
	}
	return n, err
}

// Close implements io.Closer. Before the end of the answer it costs the connection.
func (u *use) Close() error {
	u.end(false)
	return nil
}

func (u *use) end(again bool) {
	if u.over.Swap(true) {
		return
	}
	if !u.left() || !again || u.c.in.Buffered() > 0 {
		_ = u.c.Close()
		return
	}
	u.c.of.put(u.c)
}
