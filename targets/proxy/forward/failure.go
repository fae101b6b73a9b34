package forward

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/guard"
)

// Causes lists what Observer.Failed is told.
var Causes = []string{"none-healthy", "busy", "shed", "connect", "timeout", "broken", "drained", "client-gone", "client-slow", "client-body", "refused"}

// StatusClientGone is what is noted for a client that has not waited. Nobody gets it.
const StatusClientGone = 499

// failure is an answer of our own.
type failure struct {
	status int
	cause  string // one of Causes
	text   string
	again  bool // it may be tried again: nothing was done, or doing it twice is no harm
	blame  bool // it was the backend
}

// unplaced is the failure of a request that got no place.
func (x *exchange) unplaced(err error) failure {
	switch {
	case errors.Is(err, backend.ErrNone):
		return failure{status: http.StatusServiceUnavailable, cause: "none-healthy", text: err.Error(), again: true}
	case errors.Is(err, backend.ErrBusy):
		return failure{status: http.StatusServiceUnavailable, cause: "busy", text: err.Error(), again: true}
	}
	return clientGone
}

var tooMany = failure{status: http.StatusTooManyRequests, cause: "shed", text: "too many requests are under way", again: true}

var clientGone = failure{status: StatusClientGone, cause: "client-gone", text: "the client has gone"}

// failure is that of an attempt without an answer.
func (x *exchange) failure(a *attempt, err error) failure {
	limits, again := &x.Limits, Idempotent(x.in.Method)
	gateway := failure{status: http.StatusBadGateway, cause: "broken", again: again, blame: true}
	switch {
	case errors.Is(err, backend.ErrCut):
		return failure{status: http.StatusServiceUnavailable, cause: "drained", text: err.Error(), again: again}
	case errors.Is(err, errFirstByte):
		return failure{status: http.StatusGatewayTimeout, cause: "timeout", text: "no answer in " + limits.FirstByte.String(), again: again, blame: true}
	case errors.Is(err, errTotal):
		return failure{status: http.StatusGatewayTimeout, cause: "timeout", text: "not done in " + limits.Total.String(), again: again}
	case errors.Is(err, errBodyIdle):
		return x.bodyIdle()
	case x.in.Context().Err() != nil:
		return clientGone
	case a.bodyErr() != nil:
		return x.clientFailure(a.bodyErr())
	case backend.NotSent(err):
		// Nobody has seen the request: the service is unavailable rather than its backend broken.
		gateway.status, gateway.cause, gateway.again = http.StatusServiceUnavailable, "connect", true
		gateway.text = backend.Cause(err, limits.Connect)
		if t, ok := errors.AsType[interface {
			error
			Timeout() bool
		}](err); ok && t.Timeout() {
			gateway.text = "no connection in " + limits.Connect.String()
		}
		return gateway
	}
	gateway.text = backend.Cause(err, limits.FirstByte)
	return gateway
}

func (x *exchange) bodyIdle() failure {
	return failure{status: http.StatusRequestTimeout, cause: "client-body", text: "the body did not come in " + x.Limits.Idle.String()}
}

// clientFailure is that of a body that could not be read.
func (x *exchange) clientFailure(err error) failure {
	var bad *guard.BodyError
	switch {
	case errors.As(err, &bad) && x.in.Context().Err() == nil:
		return failure{status: bad.Status, cause: "client-body", text: bad.Error()}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return x.bodyIdle()
	case x.in.Context().Err() != nil, errors.Is(err, io.ErrUnexpectedEOF):
		return clientGone
	}
	return failure{status: http.StatusBadRequest, cause: "client-body", text: "the body of the request cannot be read"}
}

// refuse answers with a failure.
func (x *exchange) refuse(f failure) {
	if x.Observer != nil {
		x.Observer.Failed(f.cause)
	}
	h := x.w.Header()
	if f.again {
		h.Set("Retry-After", strconv.Itoa(max(1, int(x.RetryAfter.Seconds()))))
	}
	if x.now != nil && x.Head.ServedBy {
		h["X-Served-By"] = x.slot(x.now.spec.Name)
	}
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", "application/json")
	text, _ := json.Marshal(map[string]any{"status": f.status, "error": f.text}) // a number and a text
	h.Set("Content-Length", strconv.Itoa(len(text)+1))
	x.w.WriteHeader(f.status)
	_, _ = x.w.Write(append(text, '\n')) // a client that has gone cannot be told
}

// broken tells of an answer that ended before its end: source is why it could not be read, or nil when it
// could not be written.
func (x *exchange) broken(a *attempt, source, err error) {
	cause, blame := "broken", "the answer broke off"
	switch {
	case errors.Is(source, errIdle):
		cause, blame = "timeout", "nothing of the answer came in "+x.Limits.Idle.String()
	case errors.Is(source, errTotal):
		cause, blame = "timeout", ""
	case errors.Is(source, backend.ErrCut):
		cause, blame = "drained", ""
	case source == nil && errors.Is(err, os.ErrDeadlineExceeded):
		cause, blame = "client-slow", ""
	case source == nil, x.in.Context().Err() != nil:
		cause, blame = "client-gone", ""
	}
	if x.Observer != nil {
		x.Observer.Failed(cause)
	}
	if blame != "" {
		x.Note(a.b, blame)
	}
}

// cause gives why the attempt was ended, when it was, or err.
func (a *attempt) cause(err error) error {
	if why := context.Cause(a.ctx); why != nil {
		return why
	}
	return err
}

func statusText(code int) string { return strconv.Itoa(code) + " " + http.StatusText(code) }
