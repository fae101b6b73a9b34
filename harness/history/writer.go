package history

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

const (
	flushEvery = 100 * time.Millisecond
	maxWaiting = 1024 // closed blocks that wait for the disk; about 64 MB
)

var (
	errClosed = errors.New("history is closed")
	errSlow   = fmt.Errorf("the disk is more than %d blocks behind", maxWaiting)
)

// Options say where and how a history is written.
type Options struct {
	Path    string               // the file; it must not exist yet
	Now     func() time.Duration // the run's clock; nil: monotonic time since Create
	Observe func(*Event)         // sees every event, in order, under the Writer's lock: be quick, keep nothing, never call the Writer
	Log     *slog.Logger         // nil: discard
}

// Writer appends events to a file. All methods are safe for many goroutines.
type Writer struct {
	now     func() time.Duration
	observe func(*Event)
	log     *slog.Logger
	file    *os.File

	mu      sync.Mutex
	enc     encoder
	current Event // the event in hand: a copy, so that the caller's need not live on the heap
	last    time.Duration
	waiting [][]byte
	spare   [][]byte
	closed  bool
	err     error

	wake   chan struct{}
	flush  chan chan struct{}
	quit   chan struct{}
	done   chan struct{}
	failed chan struct{}
}

// Create makes the file, writes its header and starts the goroutine that writes the blocks. The file
// must not exist: a history is never written over.
func Create(o Options) (*Writer, error) {
	if o.Now == nil {
		base := time.Now()
		o.Now = func() time.Duration { return time.Since(base) }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	file, err := os.OpenFile(o.Path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("create history: %w", err)
	}
	if _, err := file.Write(headerBytes()); err != nil {
		return nil, errors.Join(fmt.Errorf("write the header of history %s: %w", o.Path, err), file.Close())
	}
	w := &Writer{
		now: o.Now, observe: o.Observe, log: o.Log, file: file, enc: newEncoder(),
		wake: make(chan struct{}, 1), flush: make(chan chan struct{}),
		quit: make(chan struct{}), done: make(chan struct{}), failed: make(chan struct{}),
	}
	go w.run()
	return w, nil
}

// Now is the time of the run, as Append would stamp it: since its base, monotonic.
func (w *Writer) Now() time.Duration { return w.now() }

// Append records e. It neither changes nor keeps e. An At of zero is stamped with Now; an At before
// the last event's is moved up to it, so that times never go back. Texts and names over 1 MiB are
// cut. It never waits for the disk: after a write error, or after Close, events are dropped (the
// error is in Err). An event without a known kind panics, as that is a mistake in our own code.
func (w *Writer) Append(e *Event) {
	if e.Kind == 0 || e.Kind >= kinds {
		panic(fmt.Sprintf("history: append of unknown kind %d", e.Kind))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	w.current = *e
	c := &w.current
	if c.At == 0 {
		c.At = w.now()
	}
	c.At = max(c.At, w.last)
	w.last = c.At
	if w.observe != nil {
		w.observe(c)
	}
	if w.err != nil {
		return
	}
	if w.enc.empty() {
		w.enc.begin(w.spareBuffer(), c.At)
	}
	w.enc.add(c)
	if len(w.enc.buf) >= blockTarget {
		w.seal()
	}
}

// spareBuffer reuses a written block's memory. The caller holds mu.
func (w *Writer) spareBuffer() []byte {
	if n := len(w.spare); n > 0 {
		b := w.spare[n-1]
		w.spare = w.spare[:n-1]
		return b
	}
	return make([]byte, 0, blockTarget+4096)
}

// seal hands the open block to the writing goroutine. The caller holds mu.
func (w *Writer) seal() {
	if w.enc.empty() {
		return
	}
	if len(w.waiting) >= maxWaiting {
		w.fail(errSlow)
		return
	}
	w.waiting = append(w.waiting, w.enc.take())
	select {
	case w.wake <- struct{}{}:
	default: // it is awake already
	}
}

// fail keeps the first error. The caller holds mu.
func (w *Writer) fail(err error) {
	if w.err != nil {
		return
	}
	w.err = fmt.Errorf("write history %s: %w", w.file.Name(), err)
	w.log.Error("the history is incomplete from here on", "error", w.err)
	close(w.failed)
}

// Err is the first write error, nil when there was none.
func (w *Writer) Err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// Failed is closed at the first write error (a full disk, say): the run should end then.
func (w *Writer) Failed() <-chan struct{} { return w.failed }

// Flush waits until every event appended before it has been handed to the operating system, which
// survives the death of this process, and returns the first write error.
func (w *Writer) Flush() error {
	ack := make(chan struct{})
	select {
	case w.flush <- ack:
		<-ack
		return w.Err()
	case <-w.done:
		return errors.Join(w.Err(), errClosed)
	}
}

// Close writes what is left and closes the file. It returns the first write error of the whole run;
// a second Close does nothing but return it again.
func (w *Writer) Close() error {
	w.mu.Lock()
	first := !w.closed
	w.closed = true
	w.mu.Unlock()
	if first {
		close(w.quit)
	}
	<-w.done
	return w.Err()
}

// run writes blocks until Close.
func (w *Writer) run() {
	defer close(w.done)
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-w.wake:
			w.write(false)
		case <-tick.C:
			w.write(true)
		case ack := <-w.flush:
			w.write(true)
			close(ack)
		case <-w.quit:
			w.write(true)
			w.closeFile()
			return
		}
	}
}

// write puts the waiting blocks on disk; with open set, also the block that is not full yet.
func (w *Writer) write(open bool) {
	w.mu.Lock()
	if open {
		w.seal()
	}
	blocks := w.waiting
	w.waiting = nil
	err := w.err
	w.mu.Unlock()
	for _, b := range blocks {
		if err == nil {
			sealBlock(b)
			_, err = w.file.Write(b)
		}
		w.mu.Lock()
		if err != nil {
			w.fail(err)
		} else if len(w.spare) < 4 {
			w.spare = append(w.spare, b)
		}
		w.mu.Unlock()
	}
}

func (w *Writer) closeFile() {
	err := w.file.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.fail(err)
	}
}
