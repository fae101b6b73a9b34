package wire

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"time"
)

const bufSize = 64 << 10

// Limits of a cut: for the receiver's kernel to take what was sent, and for a broker to read it.
const (
	settleLimit = 200 * time.Millisecond
	lingerLimit = 500 * time.Millisecond
)

// relay moves the bytes between a client's socket and the broker's.
type relay struct {
	s      *session
	client *net.TCPConn
	broker *net.TCPConn
	ended  [2]chan struct{} // by direction: its pump is done
	broken [2]atomic.Bool   // by direction: its receiver takes no more
	cutOff atomic.Bool
	sink   receiver // the client, as the broker's pump sees it
}

func newRelay(s *session, client, broker *net.TCPConn) *relay {
	r := &relay{s: s, client: client, broker: broker}
	for i := range r.ended {
		r.ended[i] = make(chan struct{})
	}
	s.io = r
	r.sink.TCPConn = client
	s.up.out, s.down.out = broker, &r.sink
	return r
}

// run returns when both directions have ended.
func (r *relay) run() {
	up := make(chan struct{})
	go func() {
		defer close(up)
		r.pump(ToBroker, r.client, r.broker)
	}()
	r.pump(ToClient, r.broker, r.client)
	<-up
	r.close(false)
}

// pump moves one direction until it ends.
func (r *relay) pump(d Direction, src, dst *net.TCPConn) {
	defer close(r.ended[d-1])
	readErr, writeErr := r.copy(r.s.stream(d), src)
	switch {
	case r.cutOff.Load():
		return
	case writeErr != nil:
		r.discard(d, src)
	case errors.Is(readErr, io.EOF):
		r.s.closed(Event{Dir: d, How: FIN})
		_ = dst.CloseWrite() // the receiver may be gone already
		if r.broken[d.Other()-1].Load() {
			r.close(true)
		}
	default:
		how := Failed
		if errors.Is(readErr, syscall.ECONNRESET) {
			how = RST
		}
		r.s.closed(Event{Dir: d, How: how, Text: []byte(readErr.Error())})
		r.close(true)
	}
}

// copy feeds the stream from src until one of the two fails.
func (r *relay) copy(t *stream, src *net.TCPConn) (readErr, writeErr error) {
	buf := make([]byte, bufSize)
	have := 0
	for {
		n, err := src.Read(buf[have:])
		have += n
		t.mu.Lock()
		used, werr := t.feed(buf[:have])
		if err != nil && werr == nil {
			werr = t.finish(buf[used:have])
		}
		rerr := t.release()
		if werr != nil {
			return nil, werr
		}
		if err != nil {
			return err, nil
		}
		if rerr != nil {
			return nil, rerr
		}
		have = copy(buf, buf[used:have])
		if have == len(buf) { // a frame that is waited for whole does not fit; its size is bounded
			buf = append(buf, make([]byte, len(buf))...)
		}
	}
}

// discard reads on for a receiver that takes no more, so that the other direction can still bring
// what the receiver had to say before it went.
func (r *relay) discard(d Direction, src *net.TCPConn) {
	r.broken[d-1].Store(true)
	select {
	case <-r.ended[d.Other()-1]:
		r.s.closed(Event{Dir: d.Other(), How: RST})
		r.close(true)
	default:
		_, _ = io.Copy(io.Discard, src)
	}
}

// close ends both sockets, with a reset if told so, and frees both pumps.
func (r *relay) close(rst bool) {
	if rst {
		reset(r.client)
		reset(r.broker)
	} else {
		_ = r.client.Close()
		_ = r.broker.Close()
	}
	r.s.end()
}

// cut implements transport.
func (r *relay) cut(c Cut, d Direction, ch uint16) {
	if !r.cutOff.CompareAndSwap(false, true) {
		return
	}
	if c.When != Before && d == ToClient {
		settle(r.client)
	}
	if c.When != After || d != ToBroker || ch == 0 {
		r.close(!c.FIN)
		return
	}
	r.sink.off.Store(true)
	if !c.FIN {
		reset(r.client)
	} else {
		_ = r.client.CloseWrite()
	}
	r.s.barrier(ch, func() { r.close(!c.FIN) })
	time.AfterFunc(lingerLimit, func() { r.close(!c.FIN) })
}

// receiver writes to a socket, and after off was set does so without success and without complaint.
type receiver struct {
	*net.TCPConn
	off atomic.Bool
}

func (r *receiver) Write(b []byte) (int, error) {
	n, err := r.TCPConn.Write(b)
	if r.off.Load() {
		return len(b), nil
	}
	return n, err
}

// wrote implements transport: sockets need no telling.
func (r *relay) wrote(Direction) {}

// deadline implements transport: a relay has none.
func (r *relay) deadline(Direction) <-chan struct{} { return nil }
