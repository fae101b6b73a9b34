package forward

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
)

// Limits are those of the phases of a request. Zero is none.
type Limits struct {
	Connect   time.Duration // for what is said only: the transport keeps it
	FirstByte time.Duration // from the last byte sent to the first one of the answer
	Idle      time.Duration // between two bytes of the answer, or of the client's body
	Total     time.Duration // of it all, retries included
	Upgrade   time.Duration // between two bytes of an upgraded connection, either way
}

// Copier copies the body of an answer to the client, each part at once when flush says so, and gives the
// bytes. It may close src as soon as it has read it all: then the backend is free for others. An error of
// src or dst ends it.
type Copier func(dst http.ResponseWriter, src io.ReadCloser, flush bool) (int64, error)

// Observer is told what no answer shows.
type Observer interface {
	Retried(result string) // "made" or "over budget"
	Failed(cause string)   // an answer of the proxy's own; one of Causes
}

// Gate limits how many requests are with backends, or wait for one, at a time. A client that sends its body or takes its
// answer slowly, when no backend has to do with that, is not among them.
type Gate interface {
	Enter() bool // false: there are too many; else Leave must follow
	Leave()
}

// Handler forwards requests. Pool, Retry.Budget and Note must be set.
type Handler struct {
	Pool       *backend.Pool
	Limits     Limits
	Retry      Retry
	Head       Head
	Gate       Gate                                    // nil: none
	Copy       Copier                                  // nil: Copy
	Note       func(b *backend.Backend, failed string) // how a backend did: failed is why it is to blame, or empty
	Blame5xx   bool                                    // an answer of 500 or more is to blame, too
	Observer   Observer                                // may be nil
	RetryAfter time.Duration

	viaOnce sync.Once
	vias    [3][]string // by version: 1.0, 1.1, 2
}

// exchange is one request and what becomes of it.
type exchange struct {
	*Handler
	w        http.ResponseWriter
	in       *http.Request
	upgrade  string // protocol that the client asks for
	deadline time.Time
	header   http.Header // to the backends
	kept     []byte      // the body, when it was read beforehand
	informed bool        // a 1xx has gone to the client
	inside   atomic.Bool // of the gate

	now   *attempt
	tried []*backend.Backend
	room  [4]*backend.Backend // of tried
	first attempt
	slots [8]string // values of headers, so that each is no allocation of its own
	used  int
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{Handler: h, w: w, in: r}
	x.tried = x.room[:0]
	now := time.Now()
	if h.Limits.Total > 0 {
		x.deadline = now.Add(h.Limits.Total)
	}
	h.Retry.Budget.Request(now)
	if r.Method == http.MethodConnect {
		x.refuse(failure{status: http.StatusNotImplemented, cause: "refused", text: "CONNECT is not supported here"})
		return
	}
	if err := x.prepare(); err != nil {
		x.refuse(x.clientFailure(err))
		return
	}
	if h.Gate != nil && !x.enter() {
		x.refuse(tooMany)
		return
	}
	defer x.leave()
	b, err := h.Pool.Acquire(r.Context(), nil)
	if err != nil {
		x.refuse(x.unplaced(err))
		return
	}
	x.now = &x.first
	defer func() { x.now.release() }()
	x.run(b)
}

func (x *exchange) enter() bool {
	x.inside.Store(x.Gate.Enter())
	return x.inside.Load()
}

// leave gives the place at the gate back, once.
func (x *exchange) leave() {
	if x.inside.Swap(false) {
		x.Gate.Leave()
	}
}

// run tries one backend after the other, from b on, until there is an answer, or none to be had.
func (x *exchange) run(b *backend.Backend) {
	for {
		a := x.now
		a.begin(x, b)
		res, err := a.roundTrip()
		if b = x.next(a, res, err); b == nil {
			x.finish(a, res, err)
			return
		}
		x.judge(a, res, err)
		if res != nil {
			_ = res.Body.Close()
		}
		a.end()
		a.release()
		x.now = new(attempt)
	}
}

// next takes a place at another backend when that is the better end of it.
func (x *exchange) next(a *attempt, res *http.Response, err error) *backend.Backend {
	if res != nil && !x.Retry.answers(res.StatusCode) || len(x.tried) >= x.Retry.Attempts || x.informed ||
		x.in.Context().Err() != nil || !x.Retry.safe(a.trial(err)) {
		return nil
	}
	x.tried = append(x.tried, a.b)
	next, acquireErr := x.Pool.Acquire(x.in.Context(), x.tried)
	if acquireErr != nil {
		return nil
	}
	if !x.Retry.Budget.Take(time.Now()) {
		next.Release()
		x.retried("over budget")
		return nil
	}
	x.retried("made")
	return next
}

// finish answers the client with what came of the last attempt.
func (x *exchange) finish(a *attempt, res *http.Response, err error) {
	defer a.end()
	x.judge(a, res, err)
	switch {
	case err != nil:
		f := x.failure(a, err)
		if !errors.Is(err, errBodyIdle) && a.unread() { // else its time is over already
			x.readBy(min(x.Limits.Idle, time.Second))
		}
		x.refuse(f)
	case res.StatusCode == http.StatusSwitchingProtocols:
		x.switchProtocols(a, res)
	default:
		x.answer(a, res)
	}
}

// judge tells when the backend did badly; that it did well shows only at the end of its answer.
func (x *exchange) judge(a *attempt, res *http.Response, err error) {
	if err == nil {
		a.b.Counts().Answers[class(res.StatusCode)].Add(1)
		if x.Blame5xx && res.StatusCode >= http.StatusInternalServerError {
			x.Note(a.b, statusText(res.StatusCode))
		}
		return
	}
	a.b.Counts().Answers[0].Add(1)
	if f := x.failure(a, err); f.blame {
		x.Note(a.b, f.text)
	}
}

// well tells that the backend did well, unless judge told otherwise.
func (x *exchange) well(a *attempt, code int) {
	if !x.Blame5xx || code < http.StatusInternalServerError {
		x.Note(a.b, "")
	}
}

func (x *exchange) retried(result string) {
	if x.Observer != nil {
		x.Observer.Retried(result)
	}
}

func class(code int) int {
	if c := code / 100; c >= 1 && c <= 5 {
		return c
	}
	return 0
}

// slot gives a header value a place of its own.
func (x *exchange) slot(value string) []string {
	if x.used == len(x.slots) {
		return []string{value}
	}
	x.slots[x.used] = value
	x.used++
	return x.slots[x.used-1 : x.used : x.used]
}
