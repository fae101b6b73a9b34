package aiworker

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

// models is which models are loaded, the latest used last.
type models struct {
	loading chan struct{} // one at a time

	mu     sync.Mutex
	loaded []string
}

// use returns when the model is loaded; loading it takes cost, and puts out the one that was not used
// for longest when there are more than keep.
func (m *models) use(ctx context.Context, name string, cost time.Duration, keep int) error {
	if m.touch(name) {
		return nil
	}
	select {
	case m.loading <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-m.loading }()
	if m.touch(name) { // loaded while we waited
		return nil
	}
	if err := script.Wait(ctx, cost); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.loaded = append(m.loaded, name)
	if over := len(m.loaded) - max(keep, 1); over > 0 {
		m.loaded = slices.Delete(m.loaded, 0, over)
	}
	return nil
}

// touch notes a use of a loaded model; false when it is not loaded.
func (m *models) touch(name string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.Index(m.loaded, name)
	if i < 0 {
		return false
	}
	m.loaded = append(slices.Delete(m.loaded, i, i+1), name)
	return true
}

// current is the model that was used last, empty when none is loaded.
func (m *models) current() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.loaded) == 0 {
		return ""
	}
	return m.loaded[len(m.loaded)-1]
}
