package flow

import (
	"io"
	"time"
)

// fill reads the source into the buffer, until it ends or nobody writes any more.
func (t *transfer) fill() {
	for {
		c := t.room()
		if c == nil {
			break
		}
		n, err := t.src.Read(c.b[c.w:]) // plain has left the source to us
		t.mu.Lock()
		c.w += n
		if err != nil {
			t.ended = err
		}
		t.changed.Broadcast()
		t.mu.Unlock()
		if err != nil {
			break
		}
	}
	_ = t.src.Close() // the backend is free, however long the client takes
	t.mu.Lock()
	defer t.mu.Unlock()
	t.filling = false
	t.changed.Broadcast()
}

// room waits until the buffer may grow, if it must, and gives a chunk that has some. Nil: nobody writes any more.
func (t *transfer) room() *chunk {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := len(t.queue); n > 0 && t.queue[n-1].w < chunkSize && !t.stopped {
		return t.queue[n-1]
	}
	if high, low := t.copier.marks(); t.held()+chunkSize > high {
		for t.held() > low && !t.stopped {
			t.changed.Wait()
		}
	}
	if t.stopped {
		return nil
	}
	c := chunks.Get().(*chunk)
	c.r, c.w = 0, 0
	t.queue = append(t.queue, c)
	t.copier.Buffered.Add(chunkSize)
	return c
}

// held is the size of the buffer, with the chunk of plain. The caller holds mu.
func (t *transfer) held() int { return (1 + len(t.queue)) * chunkSize }

// drain writes what fill has read, to the end.
func (t *transfer) drain() (n int64, err error) {
	for {
		c, p, err := t.data()
		if c == nil {
			return n, err
		}
		m, err := t.write(p)
		n += int64(m)
		if err != nil {
			return n, err
		}
		t.mu.Lock()
		if c.r += m; c.r == chunkSize {
			t.drop(1)
			t.changed.Broadcast()
		}
		t.mu.Unlock()
	}
}

// data waits for something to write, and begins its time limit. No chunk: that was all.
func (t *transfer) data() (*chunk, []byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for {
		if len(t.queue) > 0 && t.queue[0].r < t.queue[0].w {
			c := t.queue[0]
			t.due = t.copier.deadline(t.since, time.Now())
			t.limit(t.due)
			return c, c.b[c.r:c.w], nil
		}
		switch t.ended {
		case nil:
		case io.EOF:
			return nil, nil, nil
		default:
			return nil, nil, &SourceError{t.ended}
		}
		t.limit(time.Time{}) // it is not the client who is waited for
		t.changed.Wait()
	}
}

// stop ends fill, and gives the buffer back.
func (t *transfer) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stopped = true
	t.changed.Broadcast()
	if t.filling {
		t.mu.Unlock()
		_ = t.src.Close() // it may wait for the source
		t.mu.Lock()
	}
	for t.filling {
		t.changed.Wait()
	}
	t.drop(len(t.queue))
	t.copier.Buffered.Add(-chunkSize)
}

// drop gives the first chunks back. The caller holds mu.
func (t *transfer) drop(n int) {
	for _, c := range t.queue[:n] {
		chunks.Put(c)
	}
	t.copier.Buffered.Add(int64(-n * chunkSize))
	rest := copy(t.queue, t.queue[n:])
	clear(t.queue[rest:])
	t.queue = t.queue[:rest]
}
