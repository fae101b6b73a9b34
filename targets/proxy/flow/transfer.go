package flow

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// transfer is one copy. Its caller's goroutine writes. The timer's begins to read when a write takes too long.
type transfer struct {
	copier *Copier
	src    io.ReadCloser
	w      http.ResponseWriter
	flush  bool
	timer  *time.Timer

	mu      sync.Mutex
	armed   bool // the timer will call look
	writing bool // by plain
	writes  int  // begun by plain
	seen    int  // writes when the timer last looked

	slow    bool
	since   time.Time  // slow
	due     time.Time  // end of the write under way; zero: none
	queue   []*chunk   // read, but not written
	changed *sync.Cond // queue, ended or stopped
	ended   error      // of reading; io.EOF is its proper end
	stopped bool       // nobody writes any more
	filling bool

	own [chunkSize]byte // of plain
}

// chunk is a part of the buffer. b[r:w] is still to be written; what comes after w is free.
type chunk struct {
	r, w int
	b    [chunkSize]byte
}

var chunks = sync.Pool{New: func() any { return new(chunk) }}

func newTransfer(c *Copier) *transfer {
	t := &transfer{copier: c}
	t.changed = sync.NewCond(&t.mu)
	t.timer = time.AfterFunc(time.Hour, t.look)
	t.timer.Stop()
	return t
}

// plain copies until the end, or until the reader turned out to be slow.
func (t *transfer) plain() (n int64, err error) {
	for {
		m, end := t.src.Read(t.own[:])
		if m > 0 {
			t.begin()
			k, err := t.write(t.own[:m])
			n += int64(k)
			if slow := t.done(); slow || err != nil {
				return n, err
			}
		}
		if end == io.EOF {
			return n, nil
		}
		if end != nil {
			return n, &SourceError{end}
		}
	}
}

func (t *transfer) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.writing = true
	t.writes++
	if !t.armed {
		t.armed, t.seen = true, t.writes
		t.timer.Reset(t.copier.patience())
	}
}

func (t *transfer) done() (slow bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.writing = false
	return t.slow
}

func (t *transfer) isSlow() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.slow
}

// look is called by the timer while there is something to write.
func (t *transfer) look() {
	t.mu.Lock()
	if !t.writing {
		t.armed = false // the next write sets it again
		t.mu.Unlock()
		return
	}
	if t.writes != t.seen {
		t.seen = t.writes
		t.timer.Reset(t.copier.patience())
		t.mu.Unlock()
		return
	}
	now := time.Now()
	t.armed, t.slow, t.filling, t.since = false, true, true, now
	t.due = t.copier.deadline(now, now)
	t.limit(t.due)
	t.copier.Slow.Add(1)
	t.copier.Buffered.Add(chunkSize)
	t.mu.Unlock()
	t.fill()
}

// write gives p to the client, and names the reason when it is too late.
func (t *transfer) write(p []byte) (int, error) {
	n, err := t.w.Write(p)
	if err == nil && t.flush {
		err = flushed(t.w)
	}
	if err == nil {
		return n, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.due.IsZero() && !time.Now().Before(t.due) {
		return n, fmt.Errorf("%w: %w", ErrCut, err)
	}
	return n, fmt.Errorf("write to the client: %w", err)
}

func flushed(w http.ResponseWriter) error {
	err := http.NewResponseController(w).Flush()
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}

// limit sets the end of the writes to come, and of one under way. Where it cannot be set, nobody waits for a client.
func (t *transfer) limit(at time.Time) { _ = http.NewResponseController(t.w).SetWriteDeadline(at) }

// release makes the transfer ready for another copy.
func (t *transfer) release() {
	t.mu.Lock()
	idle := !t.armed || t.timer.Stop()
	t.armed = false
	t.mu.Unlock()
	if !idle {
		return // look is about to run: it must not meet another copy
	}
	t.src, t.w = nil, nil
	t.slow, t.stopped, t.ended, t.due = false, false, nil, time.Time{}
	t.copier.idle.Put(t)
}
