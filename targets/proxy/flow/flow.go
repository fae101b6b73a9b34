// Package flow copies answers to clients, of which some are slow. Copier is its central type: a plain copy
// as long as the client keeps up, and beyond that a buffer of bounded size, so that the backend is soon done with
// and one slow reader costs neither memory without limit nor a backend's time. A reader that takes nothing for too
// long is cut. What an answer's head says, and what a cut means for the connection, is decided elsewhere.
package flow

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// ErrCut means that the client took too little of the answer for too long.
var ErrCut = errors.New("the client takes too little of the answer")

// SourceError is a failure of what is copied, and not of the client.
type SourceError struct{ Err error }

func (e *SourceError) Error() string { return fmt.Sprintf("read the answer: %v", e.Err) }
func (e *SourceError) Unwrap() error { return e.Err }

// chunkSize is what is read at once, and the unit of the buffer.
const chunkSize = 32 << 10

// Copier copies answers. The zero value is right; each zero field means its default. Safe for many goroutines.
type Copier struct {
	High int // bytes buffered for one reader at most, at least two chunks of 32 KB; 256 KB
	Low  int // the source is read again when no more than this is buffered, but one chunk; 64 KB

	Most int64 // bytes buffered for all readers; beyond it one has two chunks at most; 256 MB

	Patience time.Duration // a reader is slow when one write takes longer than this; 10 ms
	Stall    time.Duration // a slow reader is cut when it takes less than a chunk in this time; 30 s
	Total    time.Duration // and when it has been slow for this long; no limit

	// Deadline says until when a write must be done that begins now, to a reader that is slow since then. The zero
	// time is no limit. Nil: what Stall and Total say.
	Deadline func(since, now time.Time) time.Time

	Slow     atomic.Int64 // readers that are slow at this moment
	Buffered atomic.Int64 // bytes of buffers in use for them
	Cut      atomic.Int64 // readers cut so far

	idle sync.Pool // of *transfer
}

func (c *Copier) deadline(since, now time.Time) time.Time {
	if c.Deadline != nil {
		return c.Deadline(since, now)
	}
	d := now.Add(cmp.Or(c.Stall, 30*time.Second))
	if end := since.Add(c.Total); c.Total > 0 && end.Before(d) {
		return end
	}
	return d
}

func (c *Copier) patience() time.Duration { return cmp.Or(c.Patience, 10*time.Millisecond) }

// marks are the water marks: how much one reader may have buffered at most, and how much when its source is read again.
func (c *Copier) marks() (high, low int) {
	if c.Buffered.Load()+chunkSize > cmp.Or(c.Most, 256<<20) {
		return 2 * chunkSize, chunkSize
	}
	high = max(cmp.Or(c.High, 256<<10), 2*chunkSize)
	return high, min(max(cmp.Or(c.Low, 64<<10), chunkSize), high-chunkSize)
}

// Copy copies src to w, flushing each write if flush is set, and gives the number of bytes. It closes src as soon as
// that has been read, which for a slow reader is before Copy returns, or when the client has failed. The time
// limit also covers what net/http sends after the handler.
func (c *Copier) Copy(w http.ResponseWriter, src io.ReadCloser, flush bool) (int64, error) {
	t, ok := c.idle.Get().(*transfer)
	if !ok {
		t = newTransfer(c)
	}
	t.src, t.w, t.flush = src, w, flush
	n, err := t.plain()
	if t.isSlow() {
		if err == nil {
			var more int64
			more, err = t.drain()
			n += more
		}
		t.stop()
		c.Slow.Add(-1)
		if errors.Is(err, ErrCut) {
			c.Cut.Add(1)
		}
	} else {
		_ = src.Close()
	}
	now := time.Now()
	t.limit(c.deadline(now, now))
	t.release()
	return n, err
}
