package forward

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// switchProtocols hands the connection over: from here on bytes pass both ways as they come.
func (x *exchange) switchProtocols(a *attempt, res *http.Response) {
	server, ok := res.Body.(io.ReadWriteCloser)
	if got := res.Header.Get("Upgrade"); !ok || x.upgrade == "" || !strings.EqualFold(got, x.upgrade) {
		_ = res.Body.Close()
		x.refuse(failure{status: http.StatusBadGateway, cause: "broken", text: "the backend changed to a protocol that was not asked for"})
		return
	}
	defer func() { _ = server.Close() }()
	conn, buffered, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		x.refuse(failure{status: http.StatusBadGateway, cause: "refused", text: "this connection cannot change its protocol"})
		return
	}
	defer func() { _ = conn.Close() }()
	if err := x.announce(a, res, conn, buffered); err != nil {
		return // the client has gone
	}
	x.well(a, res.StatusCode)
	// The end of the proxy, of the backend's draining, or silence ends both sides.
	both := func() { _ = conn.Close(); _ = server.Close() }
	defer context.AfterFunc(a.ctx, both)()
	a.clock.enter(upgraded)
	done := make(chan error, 2)
	go func() { done <- a.pipe(server, unread{buffered.Reader, conn}) }()
	go func() { done <- a.pipe(conn, server) }()
	if err := <-done; err != nil {
		both() // else one side has said all that it had to say, and the other may go on
	}
	<-done
}

// announce writes the head of the 101.
func (x *exchange) announce(a *attempt, res *http.Response, conn net.Conn, buffered *bufio.ReadWriter) error {
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return err
	}
	h := x.w.Header()
	x.answerHead(h, res, a.spec)
	h["Connection"], h["Upgrade"] = []string{"Upgrade"}, []string{x.upgrade}
	res.Header, res.Body = h, nil
	if err := res.Write(buffered); err != nil {
		return err
	}
	return buffered.Flush()
}

// unread reads what the server had buffered already, then on.
type unread struct {
	buffered *bufio.Reader
	conn     net.Conn
}

func (u unread) Read(p []byte) (int, error) {
	if u.buffered.Buffered() > 0 {
		return u.buffered.Read(p)
	}
	return u.conn.Read(p)
}

// pipe copies one way until its end, and then says so to the other side where that is possible.
func (a *attempt) pipe(dst io.Writer, src io.Reader) error {
	buf := chunks.Get().(*[chunk]byte)
	defer chunks.Put(buf)
	for {
		n, err := src.Read(buf[:])
		a.clock.enter(upgraded)
		if n > 0 {
			if _, err := dst.Write(buf[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			if half, ok := dst.(interface{ CloseWrite() error }); ok {
				return half.CloseWrite()
			}
			return io.EOF
		}
		if err != nil {
			return err
		}
	}
}
