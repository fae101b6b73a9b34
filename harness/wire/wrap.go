package wire

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// errDeadline ends a wait that the connection's own deadline has overtaken.
var errDeadline = os.ErrDeadlineExceeded

// wrapped is a client's connection with a wire inside: what is written goes to the broker, what is
// read comes from it.
type wrapped struct {
	net.Conn
	s *session

	readMu sync.Mutex
	buf    []byte // bytes read and not yet walked: buf[:have]
	have   int
	ready  inbox // walked, for the client

	writeMu sync.Mutex
	carry   []byte // end of what was written, an incomplete frame

	deadlines [2]deadline // by direction
	cutOff    atomic.Bool
	fin       bool // set before cutOff: the cut was an orderly end
}

// Wrap puts the wire into a client's connection, in this process: no hop, no goroutine. A frame that
// a rule stalls or delays holds up the Write or Read that carries it, up to the connection's
// deadline, after which the connection is of no more use.
func (w *Wire) Wrap(c net.Conn) net.Conn {
	s := newSession(w, c.LocalAddr().String())
	x := &wrapped{Conn: c, s: s, buf: make([]byte, bufSize)}
	x.deadlines[0].init()
	x.deadlines[1].init()
	s.io = x
	s.up.out, s.down.out = c, &x.ready
	w.tell(&Event{Conn: s.id, Kind: Opened, Text: []byte(s.client)})
	if !w.register(s) {
		_ = x.Close()
	}
	return x
}

// Write implements net.Conn.
func (x *wrapped) Write(b []byte) (int, error) {
	x.writeMu.Lock()
	defer x.writeMu.Unlock()
	if err := x.gone(); err != nil {
		return 0, x.writeError(err)
	}
	walk := b
	if len(x.carry) > 0 {
		x.carry = append(x.carry, b...)
		walk = x.carry
	}
	t := &x.s.up
	t.mu.Lock()
	used, err := t.feed(walk)
	if rerr := t.release(); err == nil {
		err = rerr
	}
	if err != nil && !errors.Is(err, errCut) {
		return 0, err
	}
	x.carry = append(x.carry[:0], walk[used:]...)
	return len(b), nil // a cut is found by the next call, as with a socket
}

// Read implements net.Conn.
func (x *wrapped) Read(b []byte) (int, error) {
	x.readMu.Lock()
	defer x.readMu.Unlock()
	for {
		if n := x.ready.take(b); n > 0 || len(b) == 0 {
			return n, nil
		}
		if err := x.gone(); err != nil {
			return 0, err
		}
		if err := x.fill(); err != nil {
			if gone := x.gone(); gone != nil {
				err = gone
			}
			return 0, err
		}
	}
}

// fill reads once and walks what came. nil means: look again.
func (x *wrapped) fill() error {
	n, err := x.Conn.Read(x.buf[x.have:])
	x.have += n
	if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) && x.deadlines[ToClient-1].woken(x.Conn) {
		return nil
	}
	t := &x.s.down
	t.mu.Lock()
	used, werr := t.feed(x.buf[:x.have])
	if err != nil && werr == nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		_ = t.finish(x.buf[used:x.have]) // writes to memory
	}
	_ = t.release()
	x.have = copy(x.buf, x.buf[used:x.have])
	if x.have == len(x.buf) {
		x.buf = append(x.buf, make([]byte, len(x.buf))...)
	}
	if err != nil {
		return x.ended(err)
	}
	if errors.Is(werr, errCut) {
		return nil // gone tells
	}
	return werr
}

// ended reports the end that a read has found.
func (x *wrapped) ended(err error) error {
	switch {
	case x.cutOff.Load():
		return err
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, net.ErrClosed):
		return err
	case errors.Is(err, io.EOF):
		x.s.closed(Event{Dir: ToClient, How: FIN})
	case errors.Is(err, syscall.ECONNRESET):
		x.s.closed(Event{Dir: ToClient, How: RST, Text: []byte(err.Error())})
	default:
		x.s.closed(Event{Dir: ToClient, How: Failed, Text: []byte(err.Error())})
	}
	if x.ready.len() > 0 {
		return nil // what came before the end first; the next read finds it again
	}
	return err
}

// gone gives the error that a client sees after a cut.
func (x *wrapped) gone() error {
	if !x.cutOff.Load() {
		return nil
	}
	if x.fin {
		return io.EOF
	}
	return &net.OpError{Op: "read", Net: "tcp", Addr: x.RemoteAddr(), Err: os.NewSyscallError("read", syscall.ECONNRESET)}
}

func (x *wrapped) writeError(err error) error {
	if errors.Is(err, io.EOF) {
		err = os.NewSyscallError("write", syscall.EPIPE)
	}
	return &net.OpError{Op: "write", Net: "tcp", Addr: x.RemoteAddr(), Err: err}
}

// Close implements net.Conn.
func (x *wrapped) Close() error {
	x.s.closed(Event{Dir: ToBroker, How: Shut})
	x.s.end()
	return x.Conn.Close()
}

// cut implements transport.
func (x *wrapped) cut(c Cut, d Direction, ch uint16) {
	x.fin = c.FIN
	if !x.cutOff.CompareAndSwap(false, true) {
		return
	}
	if c.When != After || d != ToBroker || ch == 0 {
		x.hangUp(c.FIN)
		return
	}
	x.s.barrier(ch, func() { x.hangUp(c.FIN) })
	x.deadlines[ToClient-1].wake(x.Conn) // the client hears of it now
	time.AfterFunc(lingerLimit, func() { x.hangUp(c.FIN) })
	go x.listen()
}

// listen reads on in the client's place, until the broker has answered the barrier.
func (x *wrapped) listen() {
	x.readMu.Lock()
	defer x.readMu.Unlock()
	for x.fill() == nil {
		select {
		case <-x.s.done:
			return
		default:
		}
	}
}

// hangUp closes the socket.
func (x *wrapped) hangUp(fin bool) {
	if tcp, ok := x.Conn.(*net.TCPConn); ok && !fin {
		reset(tcp)
	} else {
		_ = x.Conn.Close()
	}
	x.s.end()
}

// wrote implements transport: a client that waits in Read must look again.
func (x *wrapped) wrote(d Direction) {
	if d == ToClient {
		x.deadlines[ToClient-1].wake(x.Conn)
	}
}

// deadline implements transport.
func (x *wrapped) deadline(d Direction) <-chan struct{} { return x.deadlines[d-1].passed() }

// SetDeadline implements net.Conn.
func (x *wrapped) SetDeadline(t time.Time) error {
	if err := x.SetReadDeadline(t); err != nil {
		return err
	}
	return x.SetWriteDeadline(t)
}

// SetReadDeadline implements net.Conn.
func (x *wrapped) SetReadDeadline(t time.Time) error {
	return x.deadlines[ToClient-1].set(t, x.Conn.SetReadDeadline)
}

// SetWriteDeadline implements net.Conn.
func (x *wrapped) SetWriteDeadline(t time.Time) error {
	return x.deadlines[ToBroker-1].set(t, x.Conn.SetWriteDeadline)
}

// inbox is what the client may read. Its writers hold the stream's lock, its reader does not.
type inbox struct {
	mu sync.Mutex
	b  []byte
	at int
}

// Write implements io.Writer. It never fails.
func (i *inbox) Write(b []byte) (int, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.at == len(i.b) {
		i.b, i.at = i.b[:0], 0
	}
	i.b = append(i.b, b...)
	return len(b), nil
}

func (i *inbox) take(b []byte) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	n := copy(b, i.b[i.at:])
	i.at += n
	return n
}

func (i *inbox) len() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.b) - i.at
}
