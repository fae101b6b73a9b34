package port

import (
	"errors"
	"fmt"
	"net"
	"sync"
)

// Port is a listener on a loopback port that stays ours until Close, shut or open.
type Port struct {
	admit func() bool
	addr  net.Addr
	hold  *Held
	room  chan struct{} // one token a connection; nil: any number
	done  chan struct{} // closed by Close

	mu     sync.Mutex
	ln     net.Listener // nil while shut
	opened chan struct{}
	conns  map[*conn]struct{}
	closed bool

	backlog int // of the kernel; 0: its own
}

// Listen opens addr ("127.0.0.1:0": a free port). admit is asked for each new connection, false
// resets it; nil admits all.
func Listen(addr string, admit func() bool) (*Port, error) {
	if admit == nil {
		admit = func() bool { return true }
	}
	h, err := Hold(addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	ln, err := net.Listen("tcp", h.addr)
	if err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return &Port{admit: admit, addr: ln.Addr(), hold: h, ln: ln, opened: make(chan struct{}), done: make(chan struct{}), conns: map[*conn]struct{}{}}, nil
}

// Addr is the same for the Port's whole life.
func (p *Port) Addr() net.Addr { return p.addr }

// Shut refuses new connections and resets the live ones; it returns how many those were.
func (p *Port) Shut() (int, error) {
	p.mu.Lock()
	ln := p.ln
	p.ln = nil
	if ln != nil {
		p.opened = make(chan struct{})
	}
	p.mu.Unlock()
	if ln == nil {
		return 0, nil
	}
	err := ln.Close()
	return p.Reset(), err
}

// Open takes connections again. It does nothing when the port is open.
func (p *Port) Open() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ln != nil || p.closed {
		return nil
	}
	ln, err := net.Listen("tcp", p.addr.String())
	if err == nil {
		err = shorten(ln, p.backlog)
	}
	if err != nil {
		return fmt.Errorf("open the port again: %w", err)
	}
	p.ln = ln
	close(p.opened)
	return nil
}

// Reset resets every live connection and returns how many there were.
func (p *Port) Reset() int {
	p.mu.Lock()
	live := p.conns
	p.conns = map[*conn]struct{}{}
	p.mu.Unlock()
	for c := range live {
		reset(c)
	}
	return len(live)
}

// Accept implements net.Listener; while the port is shut it waits.
func (p *Port) Accept() (net.Conn, error) {
	for {
		p.mu.Lock()
		ln, opened, closed := p.ln, p.opened, p.closed
		p.mu.Unlock()
		if closed {
			return nil, net.ErrClosed
		}
		if ln == nil {
			<-opened
			continue
		}
		if !p.enter() {
			return nil, net.ErrClosed
		}
		raw, err := ln.Accept()
		if err != nil {
			p.leave()
		}
		if errors.Is(err, net.ErrClosed) {
			continue // shut or closed: the next round tells
		}
		if err != nil {
			return nil, err
		}
		if c := p.take(raw, ln); c != nil {
			return c, nil
		}
	}
}

// take keeps a new connection, unless it came too late or is not admitted.
func (p *Port) take(raw net.Conn, from net.Listener) *conn {
	c := &conn{Conn: raw, port: p}
	if !p.admit() {
		reset(c)
		return nil
	}
	p.mu.Lock()
	late := p.ln != from
	if !late {
		p.conns[c] = struct{}{}
	}
	p.mu.Unlock()
	if late {
		reset(c)
		return nil
	}
	return c
}

// Close gives the port up. Live connections stay with who accepted them.
func (p *Port) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	close(p.done)
	ln := p.ln
	p.ln = nil
	if ln == nil {
		close(p.opened)
	}
	p.mu.Unlock()
	err := p.hold.Close()
	if ln != nil {
		err = errors.Join(ln.Close(), err)
	}
	return err
}

type conn struct {
	net.Conn
	port *Port
	once sync.Once
}

func (c *conn) Close() error {
	c.once.Do(func() {
		c.port.mu.Lock()
		delete(c.port.conns, c)
		c.port.mu.Unlock()
		c.port.leave()
	})
	return c.Conn.Close()
}
