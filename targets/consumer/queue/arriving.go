package queue

import (
	"net"
	"sync/atomic"
)

// trickle is how many bytes may arrive in a silence: heartbeats, and answers to what we ask. More is a
// message on its way, which may take long when it is large.
const trickle = 4 << 10

// counted is a connection that counts what arrives.
type counted struct {
	net.Conn
	bytes *atomic.Int64
}

func (c counted) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.bytes.Add(int64(n))
	return n, err
}

// Arrived is how many bytes have come from the broker, over all connections.
func (l *Link) Arrived() int64 { return l.arrived.Load() }

// arriving tells whether a message has been on its way since the last delivery, or since it was asked;
// at first since the channel was opened.
func (n *session) arriving() bool {
	before := n.arrived
	n.arrived = n.source.arrived()
	return n.arrived-before > trickle
}

func (s *Source) arrived() int64 {
	if s.Link == nil {
		return 0
	}
	return s.Link.Arrived()
}
