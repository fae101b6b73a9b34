package upstream

import "sync"

// ledger tells the lab of records, many with one message when many come at once.
type ledger struct {
	send func([]Record)

	mu     sync.Mutex
	batch  []Record
	sent   chan struct{} // closed when batch is written
	writes bool          // a goroutine is at it
	idle   chan struct{} // closed when it has nothing more to write
}

// record returns when the record of a request that came is written, so that no work is done which the
// lab would not hear of if the process died. That of its end is written as soon as can be.
func (l *ledger) record(r Record) {
	l.mu.Lock()
	if len(l.batch) == 0 {
		l.sent = make(chan struct{})
	}
	l.batch = append(l.batch, r)
	sent := l.sent
	if !l.writes {
		l.writes, l.idle = true, make(chan struct{})
		go l.write()
	}
	l.mu.Unlock()
	if r.Ended.IsZero() {
		<-sent
	}
}

// maxBatch keeps a message below what a line of the control socket may have, were every byte escaped.
const maxBatch = 80

func (l *ledger) write() {
	for {
		l.mu.Lock()
		batch, sent := l.batch, l.sent
		l.batch = nil
		if len(batch) == 0 {
			l.writes = false
			close(l.idle)
			l.mu.Unlock()
			return
		}
		l.mu.Unlock()
		for len(batch) > 0 {
			n := min(len(batch), maxBatch)
			l.send(batch[:n])
			batch = batch[n:]
		}
		close(sent)
	}
}

// flush returns when all that was recorded before is written.
func (l *ledger) flush() {
	l.mu.Lock()
	idle := l.idle
	l.mu.Unlock()
	if idle != nil {
		<-idle
	}
}
