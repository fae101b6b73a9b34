package load

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// fakeBroker is the other end of every link: it notes what arrives and answers when told to.
type fakeBroker struct {
	events events
	hold   chan struct{} // non-nil: Send waits for it

	mu    sync.Mutex
	away  error // what a dial gives; nil: a link
	dials []time.Time
	link  *fakeLink // the newest
	ids   []uint64  // over all links, in order
}

type fakeLink struct {
	b    *fakeBroker
	done chan struct{}
	err  error
}

func (b *fakeBroker) dial(_ context.Context, e events) (link, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.dials = append(b.dials, time.Now())
	if b.away != nil {
		return nil, b.away
	}
	b.events = e
	b.link = &fakeLink{b: b, done: make(chan struct{})}
	return b.link, nil
}

// down makes dials fail from now on, up lets them succeed again.
func (b *fakeBroker) down() { b.set(errGone) }
func (b *fakeBroker) up()   { b.set(nil) }

func (b *fakeBroker) set(away error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.away = away
}

// cut ends the newest link as a broker does that dies; with quiet, only the next write will tell.
func (b *fakeBroker) cut(quiet bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.link.err = errGone
	if !quiet {
		close(b.link.done)
	}
}

// sent is what has arrived so far.
func (b *fakeBroker) sent() []uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.ids)
}

func (l *fakeLink) Send(batch []message) error {
	if l.b.hold != nil {
		<-l.b.hold
	}
	l.b.mu.Lock()
	defer l.b.mu.Unlock()
	if l.err != nil {
		return errors.New("broken pipe")
	}
	for _, m := range batch {
		l.b.ids = append(l.b.ids, m.id)
	}
	return nil
}

func (l *fakeLink) Done() <-chan struct{} { return l.done }
func (l *fakeLink) Close()                {}
func (l *fakeLink) Err() error {
	l.b.mu.Lock()
	defer l.b.mu.Unlock()
	return l.err
}

var errGone = errors.New("gone")
