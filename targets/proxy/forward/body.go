package forward

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// body is the body of a request on its way to one backend. The transport may close it and may read it for
// a little longer than it should: neither reaches the client's connection.
type body struct {
	a   *attempt
	src io.Reader

	mu      sync.Mutex
	touched bool
	read    bool // to its end
	closed  bool
	err     error
}

// prepare makes the head for the backends, and reads a small body beforehand when it may have to be sent again.
func (x *exchange) prepare() error {
	x.requestHead()
	r := x.in
	if r.ContentLength <= 0 || r.ContentLength > x.Retry.BodyLimit || x.Retry.Attempts == 0 ||
		!x.Retry.safe(Trial{Method: r.Method, Replayed: true}) {
		return nil
	}
	delete(x.header, "Expect") // reading it asks the client for it
	x.kept = make([]byte, r.ContentLength)
	x.readBy(x.Limits.Idle)
	if _, err := io.ReadFull(r.Body, x.kept); err != nil {
		return err // the deadline stands: the server must not wait for the rest either
	}
	x.readBy(0)
	return nil
}

// readBy gives the client so long to send what is being read; 0: as long as it likes.
func (x *exchange) readBy(d time.Duration) {
	var at time.Time
	if d > 0 {
		at = time.Now().Add(d)
	}
	_ = http.NewResponseController(x.w).SetReadDeadline(at) // a writer without deadlines is one without a connection
}

// unread tells whether a client of HTTP/1 may have more to send of a body that nobody wants any more. The
// server reads it before it writes an answer, however long that takes.
func (a *attempt) unread() bool {
	if a.body == nil || a.x.kept != nil || a.x.in.ProtoMajor != 1 {
		return false
	}
	a.body.mu.Lock()
	defer a.body.mu.Unlock()
	return !a.body.read
}

// early sends the head of an answer that comes before the end of the request: the backend may go on reading, and what it gets must
// have no holes. So the server must not read the body away, as it does before it writes; where it cannot be kept from
// that, the backend gets no more.
func (x *exchange) early(a *attempt, code int) {
	if http.NewResponseController(x.w).EnableFullDuplex() != nil {
		a.body.shut()
	}
	x.w.Header()["Connection"] = []string{"close"} // else what is left of the body would be read before the next request
	x.w.WriteHeader(code)
	_ = http.NewResponseController(x.w).Flush() // the client may wait for it before it sends more
}

// atEnd gives the client so long to send what nobody wants any more: the server reads some of it before it closes, so
// that the client gets to see the answer.
func (x *exchange) atEnd(a *attempt) {
	if a.unread() {
		x.readBy(x.Limits.Idle)
	}
}

// newBody gives the body for one attempt, nil when there is none.
func (x *exchange) newBody(a *attempt) *body {
	switch {
	case x.kept != nil:
		return &body{a: a, src: bytes.NewReader(x.kept)}
	case x.in.ContentLength == 0 || x.in.Body == nil || x.in.Body == http.NoBody:
		return nil
	}
	return &body{a: a, src: x.in.Body}
}

var errShut = errors.New("the attempt is over")

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return 0, errShut
	}
	b.touched = true
	b.mu.Unlock()
	b.waitFor(bodyIdle)
	n, err := b.src.Read(p)
	b.waitFor(firstByte)
	b.mu.Lock()
	defer b.mu.Unlock()
	if err == io.EOF {
		b.read = true
	} else if err != nil {
		b.err = err
	}
	return n, err
}

// waitFor sets the attempt's clock unless an answer has come: then it is the answer's.
func (b *body) waitFor(p phase) {
	b.a.mu.Lock()
	defer b.a.mu.Unlock()
	if !b.a.answered {
		b.a.clock.enter(p)
	}
}

// Close implements io.Closer. The server closes the client's body.
func (b *body) Close() error { return nil }

func (b *body) shut() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
}

// again tells whether it can be sent once more.
func (b *body) again() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.a.x.kept != nil || !b.touched
}

// failed is why the client's body could not be read.
func (b *body) failed() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}
