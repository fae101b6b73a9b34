package forward

import (
	"net/http"
	"time"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/window"
)

// Retry says when another backend is tried.
type Retry struct {
	Attempts  int           // further ones at most
	Codes     backend.Codes // answers that another backend may do better than
	BodyLimit int64         // bytes of a body that are kept to send it again
	Budget    Budget
	Safe      func(Trial) bool // nil: Safe
}

// Trial is an attempt that failed, as far as it decides whether there may be another.
type Trial struct {
	Method   string
	NotSent  bool // no connection was made, so the backend knows nothing of it
	TooLate  bool // the backend had its time: another one would double the work, and the client has waited
	Replayed bool // there is no body, or it can be sent again
}

// Safe tells whether a request may be sent again: when it never was, or when doing it twice is the same
// as once (RFC 9110 § 9.2.2).
func Safe(t Trial) bool {
	return t.Replayed && (t.NotSent || Idempotent(t.Method) && !t.TooLate)
}

// Idempotent tells whether a method may be done twice.
func Idempotent(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true
	}
	return false
}

func (r *Retry) safe(t Trial) bool {
	if r.Safe != nil {
		return r.Safe(t)
	}
	return Safe(t)
}

func (r *Retry) answers(code int) bool {
	return code >= http.StatusInternalServerError && r.Codes.Has(code)
}

// Budget limits retries, so that an outage does not become a storm of them. It is asked by many
// goroutines at once.
type Budget interface {
	Request(now time.Time)   // there was a request
	Take(now time.Time) bool // may there be a retry?
}

// budgetSeconds is how far a Share looks back.
const budgetSeconds = 10

// Share allows as many retries as are this share of the requests of the last ten seconds, and PerSecond
// beyond. Make it with NewShare.
type Share struct {
	share             float64
	perSecond         int
	requests, retries *window.Counter
}

// NewShare makes a Share.
func NewShare(share float64, perSecond int) *Share {
	return &Share{share, perSecond, window.New(budgetSeconds), window.New(budgetSeconds)}
}

// Request implements Budget.
func (s *Share) Request(now time.Time) { s.requests.Add(now) }

// Take implements Budget. Of those that ask in the same moment a few may be let through too many.
func (s *Share) Take(now time.Time) bool {
	allowed := s.share*float64(s.requests.Sum(now)) + float64(s.perSecond*budgetSeconds)
	if float64(s.retries.Sum(now))+1 > allowed {
		return false
	}
	s.retries.Add(now)
	return true
}
