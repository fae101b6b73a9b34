package forward

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// direct carries requests of HTTP/1.1 that have no body and may be done twice on connections of its own: who asks
// writes and reads himself. http.Transport has two goroutines a connection for that, and a request costs four changes
// from one to another. It has all the rest: bodies, upgrades, POST.
type direct struct {
	*http.Transport
	host string        // of the backend, as its URL has it
	addr string        // the same, with a port in any case
	keep time.Duration // a connection without work; 0: without end
	most int           // of them

	mu    sync.Mutex
	idle  []*conn // the one used last at the end
	sweep *time.Timer
	shut  bool // none is kept, until there is a request again
}

// RoundTrip implements http.RoundTripper.
func (d *direct) RoundTrip(r *http.Request) (*http.Response, error) {
	if !fits(r) || r.URL.Host != d.host {
		return d.Transport.RoundTrip(r)
	}
	c, err := d.take(r.Context())
	if err != nil {
		return nil, err
	}
	res, err := c.roundTrip(r)
	if err == nil || !c.kept || c.heard || r.Context().Err() != nil {
		return res, err
	}
	// The backend has closed it just now, as it may: on a new one this says nothing of how it is.
	if c, err = d.connect(r.Context()); err != nil {
		return nil, err
	}
	return c.roundTrip(r)
}

// fits tells whether a request is a plain one.
func fits(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return (r.Body == nil || r.Body == http.NoBody) && r.URL.Scheme == "http" && len(r.Header["Upgrade"]) == 0
	}
	return false
}

// take gives a connection that is kept and of use, or a new one.
func (d *direct) take(ctx context.Context) (*conn, error) {
	for {
		d.mu.Lock()
		d.shut = false
		n := len(d.idle)
		if n == 0 {
			d.mu.Unlock()
			return d.connect(ctx)
		}
		c := d.idle[n-1]
		d.idle[n-1] = nil
		d.idle = d.idle[:n-1]
		d.mu.Unlock()
		if c.silent() {
			return c, nil
		}
		_ = c.Close()
	}
}

func (d *direct) connect(ctx context.Context) (*conn, error) {
	nc, err := d.DialContext(ctx, "tcp", d.addr)
	if err != nil {
		return nil, err
	}
	c, err := newConn(nc, d)
	if err != nil {
		_ = nc.Close()
	}
	return c, err
}

// put keeps a connection whose answer has been read to its end.
func (d *direct) put(c *conn) {
	c.kept, c.since = true, time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.shut || len(d.idle) >= d.most {
		_ = c.Close()
		return
	}
	d.idle = append(d.idle, c)
	if len(d.idle) == 1 && d.keep > 0 {
		d.wake(d.keep)
	}
}

func (d *direct) wake(after time.Duration) {
	if d.sweep == nil {
		d.sweep = time.AfterFunc(after, d.old)
		return
	}
	d.sweep.Reset(after)
}

// old closes what was not used for long.
func (d *direct) old() {
	d.mu.Lock()
	defer d.mu.Unlock()
	now, n := time.Now(), 0
	for n < len(d.idle) && now.Sub(d.idle[n].since) >= d.keep {
		_ = d.idle[n].Close()
		n++
	}
	d.idle = append(d.idle[:0], d.idle[n:]...)
	if len(d.idle) > 0 {
		d.wake(d.keep - now.Sub(d.idle[0].since))
	}
}

// CloseIdleConnections closes what is kept; what is in use is closed after its answer.
func (d *direct) CloseIdleConnections() {
	d.Transport.CloseIdleConnections()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shut = true
	for _, c := range d.idle {
		_ = c.Close()
	}
	d.idle = nil
}
