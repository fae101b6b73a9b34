package wire

import (
	"context"
	"net"
	"time"
)

// Mode says what a listening wire does with new connections.
type Mode uint8

// The modes.
const (
	Accept Mode = iota // connect them to the broker
	Refuse             // reset them at once
	Hold               // accept them and say nothing, until the mode changes
)

// dialLimit bounds a dial to the broker.
const dialLimit = 5 * time.Second

// Refuse sets what becomes of new connections. Those that were held follow the new mode.
func (w *Wire) Refuse(m Mode) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mode = m
	close(w.changed)
	w.changed = make(chan struct{})
}

func (w *Wire) accept() {
	for {
		c, err := w.ln.Accept()
		if err != nil {
			return // only Close makes it fail for good
		}
		w.wg.Go(func() { w.serve(c.(*net.TCPConn)) })
	}
}

// serve handles one client from accept to end.
func (w *Wire) serve(client *net.TCPConn) {
	s := newSession(w, client.RemoteAddr().String())
	defer s.end()
	w.tell(&Event{Conn: s.id, Kind: Opened, Text: []byte(s.client)})
	if !w.admit() {
		s.closed(Event{How: Refused})
		reset(client)
		return
	}
	w.mu.Lock()
	addr := w.upstream
	w.mu.Unlock()
	broker, err := w.dial(addr)
	if err != nil {
		w.log.Warn("the broker could not be dialled", "role", w.cfg.Role, "conn", s.id, "err", err)
		s.closed(Event{How: NoBroker, Dir: ToClient, Text: []byte(err.Error())})
		reset(client)
		return
	}
	r := newRelay(s, client, broker)
	if !w.register(s) {
		s.closed(Event{How: Shut})
		r.close(true)
		return
	}
	r.run()
}

// admit waits while connections are held. It is false when this one is refused.
func (w *Wire) admit() bool {
	for {
		w.mu.Lock()
		mode, changed := w.mode, w.changed
		w.mu.Unlock()
		switch mode {
		case Accept:
			return true
		case Refuse:
			return false
		}
		select {
		case <-changed:
		case <-w.ctx.Done():
			return false
		}
	}
}

func (w *Wire) dial(addr string) (*net.TCPConn, error) {
	ctx, cancel := context.WithTimeout(w.ctx, dialLimit)
	defer cancel()
	c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return c.(*net.TCPConn), nil
}

func reset(c *net.TCPConn) {
	_ = c.SetLinger(0) // fails only on a socket that is closed already
	_ = c.Close()
}
