package apisink

import (
	"net/http"
	"strings"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/port"
	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

// ServeHTTP implements http.Handler.
func (s *Sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	job, ok := strings.CutPrefix(r.URL.Path, "/images/")
	if !ok || job == "" || strings.Contains(job, "/") {
		s.config.Log.Warn("the API sink was asked for what it does not have", "method", r.Method, "path", r.URL.Path)
		http.Error(w, "the API takes PUT or POST /images/{job}", http.StatusNotFound)
		return
	}
	if r.Method != http.MethodPut && r.Method != http.MethodPost {
		w.Header().Set("Allow", "PUT, POST")
		http.Error(w, "use PUT or POST", http.StatusMethodNotAllowed)
		return
	}
	e := Effect{Job: job, Key: r.Header.Get("Idempotency-Key")}
	if status := s.readBody(w, r, job); status != 0 {
		e.Broken = status == http.StatusUnprocessableEntity
		s.refuse(w, e, status)
		return
	}
	a := s.rules.Pick(func(r *Rule) bool { return r.Job == "" || r.Job == job })
	if a == nil {
		s.accept(w, e)
		return
	}
	s.act(w, r, e, a)
}

// act does what the rule says.
func (s *Sink) act(w http.ResponseWriter, r *http.Request, e Effect, a *script.Armed[Rule]) {
	switch a.Rule.Do {
	case Pass:
		s.accept(w, e)
	case Slow:
		if script.Wait(s.ctx, time.Duration(a.Rule.Delay)) != nil {
			s.cut(w, e)
			return
		}
		s.accept(w, e)
	case Hang:
		select {
		case <-a.Gone():
			s.accept(w, e)
		case <-r.Context().Done():
			s.cut(w, e)
		case <-s.ctx.Done():
			s.cut(w, e)
		}
	case Fail:
		s.refuse(w, e, a.Rule.status())
	case AcceptFail:
		e.Accepted, e.Replay = s.effect(e)
		s.refuse(w, e, a.Rule.status())
	case Cut:
		s.cut(w, e)
	case AcceptCut:
		e.Accepted, e.Replay = s.effect(e)
		s.cut(w, e)
	}
}

// effect enters a result into the ledger.
func (s *Sink) effect(e Effect) (accepted, replay bool) {
	if s.ledger.accept(e.Job, e.Key) {
		s.ledger.replays.Add(1)
		return false, true
	}
	s.ledger.effects.Add(1)
	return true, false
}

func (s *Sink) accept(w http.ResponseWriter, e Effect) {
	_, e.Replay = s.effect(e)
	e.Status = http.StatusCreated
	if e.Replay {
		e.Status = http.StatusOK
	}
	s.tell(e)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(e.Status)
	s.write(w, answer{Job: e.Job, Replay: e.Replay}.bytes())
}

func (s *Sink) refuse(w http.ResponseWriter, e Effect, status int) {
	e.Status, e.Refused = status, true
	s.tell(e)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	s.write(w, []byte(`{"error":"`+http.StatusText(status)+`"}`))
}

func (s *Sink) cut(w http.ResponseWriter, e Effect) {
	e.Refused = true
	s.tell(e)
	if err := port.Cut(w, nil); err != nil {
		s.config.Log.Debug("the caller of the API sink had gone", "job", e.Job, "error", err)
	}
}

func (s *Sink) tell(e Effect) {
	s.ledger.requests.Add(1)
	if e.Refused {
		s.ledger.refused.Add(1)
	}
	if s.config.OnEffect != nil {
		s.config.OnEffect(e)
	}
}

func (s *Sink) write(w http.ResponseWriter, body []byte) {
	if _, err := w.Write(body); err != nil {
		s.config.Log.Debug("the caller of the API sink had gone", "error", err)
	}
}
