package aiworker

import (
	"context"
	"log/slog"
	"sync"

	"github.com/comeback-chaos/xk6-comeback/fakes/remote"
	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

// worker is the process's state.
type worker struct {
	ctx    context.Context // the process's life
	lab    *remote.Process[Script, Rule, Event]
	addr   string
	log    *slog.Logger
	image  *picture
	models models

	mu    sync.Mutex
	base  Script
	slots chan struct{} // one token a running job; replaced when the concurrency changes
}

// Apply implements remote.Fake. Jobs that run keep the slot they have.
func (w *worker) Apply(s Script) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.base = s
	if w.slots == nil || cap(w.slots) != s.concurrency() {
		w.slots = make(chan struct{}, s.concurrency())
	}
}

func (w *worker) now() (Script, chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.base, w.slots
}

// turn is a rule that is to act.
type turn = script.Armed[Rule]

// pick finds the first rule that matches and whose turn it is, nil when there is none.
func (w *worker) pick(on, msg, prompt string) *turn {
	return w.lab.Rules.Pick(func(r *Rule) bool { return r.matches(on, msg, prompt) })
}

// report tells the lab that a rule acts, before it does.
func (w *worker) report(t *turn, msg string, code int, text string) {
	w.lab.Acts(t, Event{Do: t.Rule.Do, Msg: msg, Code: code, Text: text})
}
