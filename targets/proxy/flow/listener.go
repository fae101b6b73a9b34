package flow

import (
	"cmp"
	"net"
)

// Listener bounds what the kernel keeps for a slow reader. By itself it keeps up to 4 MB (net.ipv4.tcp_wmem), and
// takes the next write only when a good part of that is gone: a reader of 100 KB a second then seems to take
// nothing for 12 s.
type Listener struct {
	net.Listener
	SendBuffer int // bytes; 0: 256 KB, of which Linux makes twice as much; negative: the kernel's own
}

// Accept waits for the next connection.
func (l *Listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if own, ok := c.(interface{ SetWriteBuffer(int) error }); ok && l.SendBuffer >= 0 {
		_ = own.SetWriteBuffer(cmp.Or(l.SendBuffer, 256<<10)) // one that has gone already fails when it is read
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		return &conn{TCPConn: tcp}, nil
	}
	return c, nil
}
