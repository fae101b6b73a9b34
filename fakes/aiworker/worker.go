package aiworker

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"github.com/comeback-chaos/xk6-comeback/fakes/control"
	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

// worker is the process's state.
type worker struct {
	ctx    context.Context // the process's life
	conn   *control.Conn
	log    *slog.Logger
	image  *picture
	models models

	mu    sync.Mutex
	seq   int
	base  Script
	slots chan struct{} // one token a running job; replaced when the concurrency changes
	rules []*liveRule
}

// liveRule is a rule in this process.
type liveRule struct {
	ruleNow
	gone chan struct{} // closed when it is taken out
}

func newWorker(ctx context.Context, conn *control.Conn, log *slog.Logger) (*worker, error) {
	image, err := newPicture()
	if err != nil {
		return nil, fmt.Errorf("paint the image: %w", err)
	}
	return &worker{ctx: ctx, conn: conn, log: log, image: image, models: models{loading: make(chan struct{}, 1)}}, nil
}

// apply puts the lab's state in force. Rules that stay keep this process's counts, which are newer
// than the lab's. Jobs that run keep the slot they have.
func (w *worker) apply(s state) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s.Seq < w.seq {
		return
	}
	old := w.rules
	w.seq, w.base, w.rules = s.Seq, s.Base, nil
	if w.slots == nil || cap(w.slots) != s.Base.concurrency() {
		w.slots = make(chan struct{}, s.Base.concurrency())
	}
	for _, now := range s.Rules {
		i := slices.IndexFunc(old, func(l *liveRule) bool { return l.ID == now.ID })
		if i >= 0 {
			w.rules = append(w.rules, old[i])
			continue
		}
		w.rules = append(w.rules, &liveRule{ruleNow: now, gone: make(chan struct{})})
	}
	for _, l := range old {
		if !slices.Contains(w.rules, l) {
			close(l.gone)
		}
	}
}

func (w *worker) now() (Script, chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.base, w.slots
}

// turn is a rule that is to act, with its counts at that moment.
type turn struct {
	*liveRule
	count script.Count
}

// pick finds the first rule that matches and whose turn it is, nil when there is none. The lab is
// told of matches before a rule's turn, so that a restart does not start the count anew.
func (w *worker) pick(on, msg, prompt string) *turn {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.rules {
		if !l.Rule.matches(on, msg, prompt) {
			continue
		}
		if l.Rule.Next(&l.Count) {
			return &turn{liveRule: l, count: l.Count}
		}
		if l.Count.Hits == 0 {
			w.tell(msgSeen, seen{ID: l.ID, Seen: l.Count.Seen})
		}
	}
	return nil
}

// report tells the lab that a rule acts. It is written before the rule acts and outlives the process.
func (w *worker) report(t *turn, msg string, code int, text string) {
	w.tell(msgActs, acts{
		seen:  seen{ID: t.ID, Seen: t.count.Seen},
		Hits:  t.count.Hits,
		Event: Event{Do: t.Rule.Do, Msg: msg, Code: code, Text: text},
	})
}

func (w *worker) tell(kind string, body any) {
	if err := w.conn.Send(kind, body); err != nil {
		w.log.Debug("the lab was not told", "error", err) // it is gone: the process is about to end
	}
}
