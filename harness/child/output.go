package child

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"
)

const (
	maxLine    = 64 << 10 // bytes of a line that are kept
	maxCapture = 1 << 20  // bytes of stdout that CaptureStdout keeps
	queueLines = 1024     // lines that OnLine may be behind
)

// linePatience is how long a child is held up by an OnLine that has fallen behind; after that, lines
// are dropped and counted until there is room again.
const linePatience = time.Second

// output takes the lines of one process's stdout and stderr through Edit to its log file and to OnLine.
type output struct {
	name    string
	log     *slog.Logger
	edit    func(line string) (string, bool)
	streams []*os.File    // our ends of the pipes
	drained chan struct{} // both streams at their end and every line passed on
	queue   chan string   // to OnLine; nil when nobody listens

	mu      sync.Mutex // one line at a time
	file    *os.File   // nil: none, or given up after an error
	capture *bytes.Buffer
	behind  bool // the queue was full and linePatience was used up
	dropped int
}

// run reads both streams until they end. onLine may be nil.
func (o *output) run(stdout, stderr *os.File, onLine func(name, line string)) {
	o.streams = []*os.File{stdout, stderr}
	o.drained = make(chan struct{})
	var pumps, delivery sync.WaitGroup
	if onLine != nil {
		o.queue = make(chan string, queueLines)
		delivery.Go(func() {
			for line := range o.queue {
				onLine(o.name, line)
			}
			if o.dropped > 0 { // since the last note; nobody drops once the queue is closed
				onLine(o.name, droppedNote(o.dropped))
			}
		})
	}
	pumps.Go(func() { o.pump(stdout, o.capture) })
	pumps.Go(func() { o.pump(stderr, nil) })
	go func() {
		pumps.Wait()
		o.finish()
		delivery.Wait()
		close(o.drained)
	}()
}

// hangUp ends the reading, even if a process that nobody knows of still holds the other end.
func (o *output) hangUp() {
	for _, s := range o.streams {
		// Not Close: what is already in the pipe is still wanted.
		_ = s.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	}
}

func (o *output) pump(r *os.File, capture *bytes.Buffer) {
	defer r.Close()
	br := bufio.NewReaderSize(r, maxLine)
	for {
		b, err := br.ReadSlice('\n')
		if len(b) > 0 {
			o.line(bytes.TrimRight(b, "\r\n"), capture)
		}
		for errors.Is(err, bufio.ErrBufferFull) { // the rest of a long line
			_, err = br.ReadSlice('\n')
		}
		if errors.Is(err, io.EOF) || errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
		if err != nil {
			o.log.Warn("output of a child is lost", "child", o.name, "error", err)
			return
		}
	}
}

func (o *output) line(b []byte, capture *bytes.Buffer) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if capture != nil && capture.Len()+len(b) < maxCapture {
		capture.Write(b)
		capture.WriteByte('\n')
	}
	line := string(b)
	if o.edit != nil {
		var keep bool
		if line, keep = o.edit(line); !keep {
			return
		}
	}
	if o.file != nil {
		if _, err := o.file.WriteString(line + "\n"); err != nil {
			o.log.Warn("log file of a child is given up", "child", o.name, "error", err)
			o.file.Close()
			o.file = nil
		}
	}
	if o.queue != nil {
		o.enqueue(line)
	}
}

func (o *output) enqueue(line string) {
	if o.dropped > 0 {
		select {
		case o.queue <- droppedNote(o.dropped):
			o.dropped = 0
		default:
		}
	}
	select {
	case o.queue <- line:
		o.behind = false
		return
	default:
	}
	if !o.behind {
		patience := time.NewTimer(linePatience)
		defer patience.Stop()
		select {
		case o.queue <- line:
			return
		case <-patience.C:
			o.behind = true
		}
	}
	o.dropped++
}

func droppedNote(n int) string {
	return fmt.Sprintf("(%d lines are missing here: the reader was too slow; the log file has them)", n)
}

// finish closes file and queue once no pump writes to them any more.
func (o *output) finish() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.file != nil {
		o.file.Close()
	}
	if o.queue != nil {
		close(o.queue)
	}
}

// captured gives what stdout held so far.
func (o *output) captured() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.capture == nil {
		return nil
	}
	return bytes.Clone(o.capture.Bytes())
}
