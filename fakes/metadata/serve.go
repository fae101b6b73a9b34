package metadata

import (
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/port"
	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

// tokensKept bounds what a caller that asks for a token each time can make us keep.
const tokensKept = 1000

// ServeHTTP implements http.Handler.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := s.rules.Pick(func(rule *Rule) bool {
		return rule.On == "" || rule.On == OnToken && r.URL.Path == PathToken || rule.On == OnNotice && r.URL.Path == PathAction
	})
	if a != nil && !s.act(w, r, a) {
		return
	}
	if r.URL.Path == PathToken {
		s.token(w, r)
	} else {
		s.get(w, r)
	}
	if a == nil {
		s.answered()
	}
}

// act does what the rule says and tells whether the request is answered all the same.
func (s *Service) act(w http.ResponseWriter, r *http.Request, a *script.Armed[Rule]) bool {
	switch a.Rule.Do {
	case Slow:
		return script.Wait(r.Context(), time.Duration(a.Rule.Delay)) == nil
	case Fail:
		s.answer(w, a.Rule.status(), http.StatusText(a.Rule.status()))
		return false
	case Garbage:
		s.answer(w, http.StatusOK, `<html><head><title>captive portal</title></head>{"action":`)
		return false
	case Hang:
		select {
		case <-a.Gone():
			return true
		case <-r.Context().Done():
		case <-s.ctx.Done():
		}
	}
	if err := port.Cut(w, nil); err != nil {
		s.config.Log.Debug("the caller of the instance metadata had gone", "error", err)
	}
	return false
}

// token begins a session.
func (s *Service) token(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPut {
		w.Header().Set("Allow", http.MethodPut)
		s.answer(w, http.StatusMethodNotAllowed, "use PUT")
		return
	}
	if r.Header.Get("X-Forwarded-For") != "" { // a proxy must never get at it
		s.answer(w, http.StatusForbidden, "Forbidden")
		return
	}
	ttl, err := strconv.Atoi(r.Header.Get(HeaderTTL))
	if err != nil || ttl < 1 || ttl > maxTTL {
		s.answer(w, http.StatusBadRequest, HeaderTTL+": want 1 to 21600")
		return
	}
	token, now := rand.Text(), s.config.Now()
	s.mu.Lock()
	for old, until := range s.tokens {
		if len(s.tokens) >= tokensKept || !now.Before(until) {
			delete(s.tokens, old)
		}
	}
	s.tokens[token] = now.Add(time.Duration(ttl) * time.Second)
	s.mu.Unlock()
	w.Header().Set(HeaderTTL, strconv.Itoa(ttl))
	s.answer(w, http.StatusOK, token)
}

// get answers what the instance wants to know of itself.
func (s *Service) get(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		s.answer(w, http.StatusMethodNotAllowed, "use GET")
		return
	}
	s.mu.Lock()
	until, known := s.tokens[r.Header.Get(HeaderToken)]
	notice := s.notice
	s.mu.Unlock()
	if !known || !s.config.Now().Before(until) {
		s.answer(w, http.StatusUnauthorized, "Unauthorized")
		return
	}
	switch {
	case r.URL.Path == PathInstance:
		s.answer(w, http.StatusOK, s.config.Instance)
	case r.URL.Path == PathRegion:
		s.answer(w, http.StatusOK, s.config.Region)
	case r.URL.Path == PathAction && notice != nil:
		s.answer(w, http.StatusOK, notice.body())
		notice.once.Do(func() { close(notice.read) })
	default:
		s.answer(w, http.StatusNotFound, "Not Found")
	}
}

// body is the notice as the protocol tells it.
func (n *Notice) body() string {
	text, err := json.Marshal(struct {
		Action string `json:"action"`
		Time   string `json:"time"`
	}{"terminate", n.at.UTC().Format("2006-01-02T15:04:05Z")})
	if err != nil {
		panic(err) // two strings always marshal
	}
	return string(text)
}

func (s *Service) answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain")
	w.WriteHeader(status)
	if _, err := io.WriteString(w, text); err != nil {
		s.config.Log.Debug("the caller of the instance metadata had gone", "error", err)
	}
}

// answered tells those who wait for an answer that no rule made.
func (s *Service) answered() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, next := range s.waiting {
		close(next)
	}
	s.waiting = nil
}
