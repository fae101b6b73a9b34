package wire

import (
	"net"
	"sync"
	"time"
)

// deadline is one of a wrapped connection's two deadlines. It also bounds waits that are not on the
// socket, and the one for reads serves to wake a reader.
type deadline struct {
	mu     sync.Mutex
	at     time.Time
	timer  *time.Timer
	over   chan struct{} // closed when the deadline has passed
	waking bool          // the socket's deadline is in the past to wake a reader
}

func (d *deadline) init() { d.over = make(chan struct{}) }

// set changes the deadline, on the socket as well unless a reader is just being woken with it.
func (d *deadline) set(t time.Time, socket func(time.Time) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at = t
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	select {
	case <-d.over:
		d.over = make(chan struct{})
	default:
	}
	if !t.IsZero() {
		over := d.over
		d.timer = time.AfterFunc(time.Until(t), func() { d.expire(over) })
	}
	if d.waking {
		return nil
	}
	return socket(t)
}

// expire closes over, if the deadline was not changed meanwhile.
func (d *deadline) expire(over chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.over != over || d.at.After(time.Now()) || d.at.IsZero() {
		return
	}
	select {
	case <-over:
	default:
		close(over)
	}
}

func (d *deadline) passed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.over
}

// wake makes a pending Read return.
func (d *deadline) wake(c net.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.waking = true
	_ = c.SetReadDeadline(time.Unix(1, 0)) // fails only on a closed socket, whose readers return anyway
}

// woken tells whether it was wake that made a Read return, and puts the deadline back.
func (d *deadline) woken(c net.Conn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.waking {
		return false
	}
	d.waking = false
	_ = c.SetReadDeadline(d.at)
	return true
}
