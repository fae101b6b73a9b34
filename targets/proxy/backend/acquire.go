package backend

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// Errors of Acquire.
var (
	ErrNone = errors.New("no backend is healthy")
	ErrBusy = errors.New("every backend is at its limit")
)

// Queue is where requests wait for a moment when every backend is at its limit. Its zero value has no place.
type Queue struct {
	Places int           // requests that may wait
	Wait   time.Duration // how long each may

	waiting atomic.Int64
	once    sync.Once
	room    chan struct{} // a token each time that a place may have become free
}

// Queued tells how many requests wait.
func (p *Pool) Queued() int64 { return p.Queue.waiting.Load() }

// Acquire takes a place at the backend that is next and not among tried; Release gives it back. It waits
// only when every backend is at its limit, the queue has a place, and nothing was tried yet.
func (p *Pool) Acquire(ctx context.Context, tried []*Backend) (*Backend, error) {
	if b, err := p.take(tried); err != ErrBusy || p.Queue.Places == 0 || len(tried) > 0 {
		return b, err
	}
	q := &p.Queue
	q.once.Do(func() { q.room = make(chan struct{}, q.Places) })
	// Counted before another look, so that a release from here on leaves a token.
	if q.waiting.Add(1) > int64(q.Places) {
		q.waiting.Add(-1)
		return nil, ErrBusy
	}
	defer q.waiting.Add(-1)
	timer := time.NewTimer(q.Wait)
	defer timer.Stop()
	for {
		if b, err := p.take(tried); err != ErrBusy {
			return b, err
		}
		select {
		case <-q.room:
		case <-timer.C:
			return nil, ErrBusy
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// take takes a place without waiting.
func (p *Pool) take(tried []*Backend) (*Backend, error) {
	for {
		in := p.InService()
		if len(in) == 0 {
			return nil, ErrNone
		}
		b := p.Picker.Pick(in, tried)
		if b == nil {
			return nil, ErrBusy
		}
		if b.acquire() {
			return b, nil
		}
	}
}

// wake lets one of those that wait look again; wakeAll all of them.
func (p *Pool) wake() {
	if p.Queue.waiting.Load() > 0 {
		select {
		case p.Queue.room <- struct{}{}:
		default: // as many tokens as places are there
		}
	}
}

func (p *Pool) wakeAll() {
	for range p.Queue.waiting.Load() {
		p.wake()
	}
}
