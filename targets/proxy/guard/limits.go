package guard

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// Limits are what one request may cost. Zero means the default; negative means none.
type Limits struct {
	Head      time.Duration // until a head is there; 10 s
	HeadBytes int           // of a head; 32 KB
	Fields    int           // header fields of a request; 128
	URI       int           // bytes of the request's target; 8 KB
	Body      int64         // bytes of a body; 16 MB
	Grace     time.Duration // until a body must keep up with Rate; 20 s
	Rate      int64         // bytes of a body a second; 500
	Idle      time.Duration // from one request to the next; 60 s
}

// Defaults gives the limits with each zero replaced.
func (l Limits) Defaults() Limits {
	l.Head = cmp.Or(l.Head, 10*time.Second)
	l.HeadBytes = cmp.Or(l.HeadBytes, 32<<10)
	l.Fields = cmp.Or(l.Fields, 128)
	l.URI = cmp.Or(l.URI, 8<<10)
	l.Body = cmp.Or(l.Body, 16<<20)
	l.Grace = cmp.Or(l.Grace, 20*time.Second)
	l.Rate = cmp.Or(l.Rate, 500)
	l.Idle = cmp.Or(l.Idle, time.Minute)
	return l
}

// Server has a server keep the limits that are its own to keep: the time and size of a head, and idleness.
func (l Limits) Server(s *http.Server) {
	l = l.Defaults()
	s.ReadHeaderTimeout, s.IdleTimeout = l.Head, l.Idle
	s.MaxHeaderBytes = l.HeadBytes
	if l.HeadBytes < 0 {
		s.MaxHeaderBytes = 1 << 30 // it takes no "none"
	}
}

// Handler holds each request to the limits before and while the next handler has it. Make it with NewHandler.
type Handler struct {
	// Check gives the status to refuse a request with, or 0. NewHandler sets it to the limits' own.
	Check func(*http.Request) int

	limits Limits
	next   http.Handler
}

// NewHandler makes a handler for what lies behind.
func NewHandler(l Limits, next http.Handler) *Handler {
	l = l.Defaults()
	return &Handler{Check: l.check, limits: l, next: next}
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if status := h.Check(r); status != 0 {
		w.Header().Set("Connection", "close") // what is left of the request is not worth reading
		http.Error(w, http.StatusText(status), status)
		return
	}
	if r.ContentLength != 0 {
		h.watch(w, r)
	}
	h.next.ServeHTTP(w, r)
}

func (l Limits) check(r *http.Request) int {
	switch {
	case over(int64(len(r.RequestURI)), int64(l.URI)):
		return http.StatusRequestURITooLong
	case over(r.ContentLength, l.Body):
		return http.StatusRequestEntityTooLarge
	case r.Method == "PRI": // net/http hands on the start of HTTP/2 where that is off
		return http.StatusHTTPVersionNotSupported
	case !sendable(r):
		return http.StatusBadRequest
	case l.Fields < 0:
		return 0
	}
	fields := 0
	for _, values := range r.Header {
		fields += len(values)
	}
	if fields > l.Fields {
		return http.StatusRequestHeaderFieldsTooLarge
	}
	return 0
}

func over(n, limit int64) bool { return limit >= 0 && n > limit }

// BodyError is why the body of a request could not be read to its end. It is what the client did, not a backend.
type BodyError struct {
	Status int // to answer with: 413, 408, or 400 for a body that is cut off or malformed
	Err    error
}

func (e *BodyError) Error() string { return fmt.Sprintf("read the request's body: %v", e.Err) }
func (e *BodyError) Unwrap() error { return e.Err }

// watch puts the limits of a body around it.
func (h *Handler) watch(w http.ResponseWriter, r *http.Request) {
	b := &watched{ReadCloser: r.Body, rate: h.limits.Rate, due: time.Now().Add(h.limits.Grace)}
	if h.limits.Body >= 0 {
		b.ReadCloser = http.MaxBytesReader(w, r.Body, h.limits.Body)
	}
	if h.limits.Rate > 0 && h.limits.Grace >= 0 {
		b.control = http.NewResponseController(w)
	}
	r.Body = b
}

// watched is a body that must come at some speed.
type watched struct {
	io.ReadCloser
	control *http.ResponseController // nil: it may take any time
	rate    int64
	due     time.Time // when the rate asks for the next byte
	set     time.Time // the deadline of the connection, up to a second later
}

func (b *watched) Read(p []byte) (int, error) {
	if b.control != nil && !b.set.After(b.due) {
		b.set = b.due.Add(time.Second)
		_ = b.control.SetReadDeadline(b.set) // a server without deadlines has no slow bodies
	}
	n, err := b.ReadCloser.Read(p)
	b.due = b.due.Add(time.Duration(n) * time.Second / time.Duration(max(b.rate, 1)))
	if err == nil || err == io.EOF {
		return n, err // at the end, the server takes the deadline away
	}
	return n, &BodyError{Status: statusOf(err), Err: err}
}

func statusOf(err error) int {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, os.ErrDeadlineExceeded):
		return http.StatusRequestTimeout
	default:
		return http.StatusBadRequest
	}
}
