package harness

import (
	"context"
	"sync"

	"github.com/comeback-chaos/xk6-comeback/harness/fault"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// recorder writes the history and shows each event, as it is written, to those who watch.
type recorder struct {
	*history.Writer

	roles sync.Map // connection → role; apart from mu, so that a watch's want may ask

	mu      sync.Mutex
	watches map[*watch]struct{}
}

// watchBuffer is how many events a watch holds unread; what comes after is not for it. Watches wait
// for a first, or a next, event of a kind: they need no more.
const watchBuffer = 256

type watch struct {
	r      *recorder
	want   func(*history.Event) bool
	events chan history.Event
}

// observe is the history's observer: it runs in the order of the events, inside the writer's lock.
func (r *recorder) observe(e *history.Event) {
	if e.Kind == history.ConnOpen {
		r.roles.Store(e.Conn, e.Who)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for w := range r.watches {
		if !w.want(e) {
			continue
		}
		select {
		case w.events <- *e:
		default:
		}
	}
}

// role tells who opened a connection: "load", "consumer/0", ….
func (r *recorder) role(conn uint32) string {
	who, _ := r.roles.Load(conn)
	name, _ := who.(string)
	return name
}

func (r *recorder) watch(want func(*history.Event) bool) fault.Watch {
	w := &watch{r: r, want: want, events: make(chan history.Event, watchBuffer)}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.watches == nil {
		r.watches = map[*watch]struct{}{}
	}
	r.watches[w] = struct{}{}
	return w
}

func (w *watch) Next(ctx context.Context) (history.Event, error) {
	select {
	case e := <-w.events:
		return e, nil
	case <-ctx.Done():
		return history.Event{}, context.Cause(ctx)
	}
}

func (w *watch) Close() {
	w.r.mu.Lock()
	defer w.r.mu.Unlock()
	delete(w.r.watches, w)
}
