package forward

import (
	"io"
	"net/http"
	"strings"
	"sync"
)

// answer sends the client what the backend answers.
func (x *exchange) answer(a *attempt, res *http.Response) {
	h := x.w.Header()
	x.answerHead(h, res, a.spec)
	announced := len(res.Trailer)
	if announced > 0 {
		names := make([]string, 0, announced)
		for name := range res.Trailer {
			names = append(names, name)
		}
		h["Trailer"] = []string{strings.Join(names, ", ")}
		delete(h, "Content-Length") // which HTTP/2 may have beside them, and HTTP/1.1 may not
	}
	if a.unread() {
		x.early(a, res.StatusCode)
		defer x.atEnd(a)
	} else {
		x.w.WriteHeader(res.StatusCode)
	}
	a.source = source{a: a, body: res.Body}
	src := &a.source
	if err := x.copyBody(res, src); err != nil {
		x.broken(a, src.err, err)
		_ = src.Close()
		panic(http.ErrAbortHandler) // the client must see that the answer is not whole
	}
	x.well(a, res.StatusCode)
	_ = src.Close()
	if len(res.Trailer) == 0 {
		return
	}
	// Chunked, whatever the length: else there is no place for trailers.
	_ = http.NewResponseController(x.w).Flush()
	h = x.w.Header() // whoever is in front of us may have had one of its own until now
	for name, values := range res.Trailer {
		if len(res.Trailer) != announced {
			name = http.TrailerPrefix + name
		}
		h[name] = values
	}
}

// copyBody copies, and flushes as it goes where the client may wait for a part of it.
func (x *exchange) copyBody(res *http.Response, src *source) error {
	if res.ContentLength == 0 || x.in.Method == http.MethodHead {
		return nil
	}
	events := isEvents(res.Header)
	src.whole = !events && res.ContentLength > 0
	if events {
		_ = http.NewResponseController(x.w).Flush() // the head, before the first event
	}
	copier := x.Copy
	if copier == nil {
		copier = Copy
	}
	_, err := copier(x.w, src, !src.whole)
	return err
}

func isEvents(h http.Header) bool {
	v := h["Content-Type"]
	if len(v) == 0 {
		return false
	}
	kind, _, _ := strings.Cut(v[0], ";")
	return strings.EqualFold(strings.TrimSpace(kind), "text/event-stream")
}

// source is the body of an answer; the attempt's clock runs while it is awaited, and only then. Closed, it
// gives the backend's place back, and that at the gate.
type source struct {
	a     *attempt
	body  io.ReadCloser
	whole bool  // nobody waits for a part of it
	err   error // why it broke off
}

// least is what net/http keeps back anyway before it writes to a client. The transport hands over the begin of a
// body, which came with the head, by itself: written by itself, it would cost one more system call.
const least = 4 << 10

func (s *source) Read(p []byte) (int, error) {
	s.a.clock.enter(idle)
	n, err := s.body.Read(p)
	for s.whole && err == nil && n < min(least, len(p)) {
		var more int
		s.a.clock.enter(idle) // it moves
		more, err = s.body.Read(p[n:])
		n += more
	}
	s.a.clock.enter(resting)
	if err != nil && err != io.EOF {
		s.err = s.a.cause(err)
	}
	return n, err
}

func (s *source) Close() error {
	s.a.clock.timer.Stop()
	err := s.body.Close()
	s.a.release()
	s.a.x.leave()
	return err
}

const chunk = 32 << 10

var chunks = sync.Pool{New: func() any { return new([chunk]byte) }}

// Copy is the plain Copier: what the client does not take keeps the backend waiting.
func Copy(dst http.ResponseWriter, src io.ReadCloser, flush bool) (n int64, err error) {
	buf := chunks.Get().(*[chunk]byte)
	defer chunks.Put(buf)
	for {
		read, end := src.Read(buf[:])
		if read > 0 {
			wrote, err := dst.Write(buf[:read])
			n += int64(wrote)
			if err == nil && flush {
				err = http.NewResponseController(dst).Flush()
			}
			if err != nil {
				return n, err
			}
		}
		if end == io.EOF {
			return n, nil
		}
		if end != nil {
			return n, end
		}
	}
}
