package port

import (
	"errors"
	"fmt"
	"net"
	"net/http"
)

// Cut ends an HTTP/1 request without its whole answer. With raw, the begin of an answer, the client
// gets just that and then the end of the connection ("unexpected EOF"); without it a TCP reset
// ("connection reset"). The writer is of no use afterwards.
func Cut(w http.ResponseWriter, raw []byte) error {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return fmt.Errorf("cut the connection: %w", err)
	}
	if len(raw) == 0 {
		reset(c)
		return nil
	}
	_, err = c.Write(raw)
	if t := tcp(c); t != nil && err == nil {
		err = t.CloseWrite() // a reset would overtake what was written
	}
	return errors.Join(err, c.Close())
}

func reset(c net.Conn) {
	if t := tcp(c); t != nil {
		t.SetLinger(0) // an error means that it is closed already
	}
	c.Close()
}

func tcp(c net.Conn) *net.TCPConn {
	if own, ok := c.(*conn); ok {
		c = own.Conn
	}
	t, _ := c.(*net.TCPConn)
	return t
}
