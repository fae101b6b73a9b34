package admin

import (
	"sync"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
)

// Events keeps the last changes. The zero value keeps none.
type Events struct {
	Keep int

	mu   sync.Mutex
	last []backend.Change
}

// Add keeps one more.
func (e *Events) Add(c backend.Change) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.last = append(e.last, c); len(e.last) > e.Keep {
		e.last = append(e.last[:0], e.last[len(e.last)-e.Keep:]...)
	}
}

// List gives them, the oldest first.
func (e *Events) List() []backend.Change {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]backend.Change{}, e.last...)
}
