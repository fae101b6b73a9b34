package cache

import (
	"cmp"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Cache answers from what it has stored, and asks Next for the rest. Next must panic with http.ErrAbortHandler when
// it cannot give an answer to its end, as httputil.ReverseProxy does. The zero value of each other field is right.
type Cache struct {
	Next http.Handler

	Bytes  int64         // stored at most; 64 MB
	Object int64         // bytes of the largest body that is stored; 1 MB
	Unsaid time.Duration // how long an answer is fresh that does not say; not at all
	Wait   time.Duration // how long a request waits for the head of another's answer; 10 s
	Rest   time.Duration // and how long for the rest of it; 1 s
	Stall  time.Duration // a client that takes less than 64 KB in this time is cut; 30 s

	// Key decides who may get whose answer. Nil: the function Key.
	Key func(b []byte, r *http.Request, a *Answer) ([]byte, bool)

	Hits, Misses, Revalidated, Passed atomic.Int64 // requests
	Stored, Dropped, Collapsed        atomic.Int64 // answers stored and pushed out; requests that waited for another's

	store   store
	flights flights
	keys    sync.Pool // of *[]byte
	takes   sync.Pool // of *take
}

// Used is the number of bytes stored.
func (c *Cache) Used() int64 {
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	return c.store.used
}

func (c *Cache) key(b []byte, r *http.Request, a *Answer) ([]byte, bool) {
	if c.Key != nil {
		return c.Key(b, r, a)
	}
	return Key(b, r, a)
}

func (c *Cache) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		c.change(w, r)
	case !plain(r):
		c.pass(w, r)
	default:
		c.get(w, r)
	}
}

// plain tells whether a GET is one that a cache can answer: for the whole of it, and with nothing but that.
func plain(r *http.Request) bool {
	h := r.Header
	return r.ContentLength == 0 && len(h["Range"]) == 0 && len(h["Upgrade"]) == 0 && len(h["If-Match"]) == 0 &&
		len(h["If-Unmodified-Since"]) == 0 && len(h["If-Range"]) == 0 && namesNothing(h["Connection"])
}

// namesNothing tells whether Connection says nothing of fields that would otherwise go on to the backend. A field that
// it names (RFC 9110, section 7.6.1) is in the key, but not in what the backend answers to.
func namesNothing(connection []string) bool {
	for _, line := range connection {
		for option := range strings.SplitSeq(line, ",") {
			switch option = trim(option); {
			case option == "", strings.EqualFold(option, "keep-alive"), strings.EqualFold(option, "close"):
			case strings.EqualFold(option, "upgrade"), strings.EqualFold(option, "te"): // they end here anyway
			default:
				return false
			}
		}
	}
	return true
}

var (
	hit         = []string{"hit"}
	miss        = []string{"miss"}
	revalidated = []string{"revalidated"}
	passed      = []string{"pass"}
)

// pass leaves a request to Next.
func (c *Cache) pass(w http.ResponseWriter, r *http.Request) {
	c.Passed.Add(1)
	w.Header()["X-Cache"] = passed
	c.Next.ServeHTTP(w, r)
}

func (c *Cache) get(w http.ResponseWriter, r *http.Request) {
	ask := noWishes
	if lines := r.Header["Cache-Control"]; len(lines) > 0 {
		ask = Parse(lines)
	}
	if ask.NoStore {
		c.pass(w, r)
		return
	}
	buffer := c.buffer()
	key, everybody := c.key((*buffer)[:0], r, nil)
	n := len(key)
	e := c.find(key, r)
	now := time.Now()
	if e != nil && e.serves(ask, now) {
		c.keep(buffer, key)
		c.store.touch(e)
		c.Hits.Add(1)
		c.serve(w, r, e, hit, now)
		return
	}
	resource := string(key[:n])
	c.keep(buffer, key)
	switch {
	case ask.OnlyIfCached:
		http.Error(w, "not in the cache", http.StatusGatewayTimeout)
	case r.Method == http.MethodHead:
		c.pass(w, r)
	default:
		c.fetch(w, r, resource, e, ask == noWishes && (everybody || e != nil) && (e == nil || e.lifetime > 0))
	}
}

var noWishes = Parse(nil)

// buffer gives room for a key and one more; keep takes it back.
func (c *Cache) buffer() *[]byte {
	if b, ok := c.keys.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, 0, 2048)
	return &b
}

func (c *Cache) keep(buffer *[]byte, key []byte) {
	*buffer = key[:0]
	c.keys.Put(buffer)
}

// find looks for an answer that is for this request. It uses what is free of the key's buffer.
func (c *Cache) find(key []byte, r *http.Request) *entry {
	for _, e := range c.store.all(key) {
		full, ok := c.key(key[len(key):], r, &e.Answer)
		if ok && string(full) == e.key {
			return e
		}
	}
	return nil
}

// fetch asks Next, unless somebody else does and their answer will do.
func (c *Cache) fetch(w http.ResponseWriter, r *http.Request, resource string, old *entry, together bool) {
	var mine *flight
	if together {
		var other *flight
		if mine, other = c.flights.join(resource, time.Now()); other != nil {
			other.wait(r.Context(), cmp.Or(c.Wait, 10*time.Second), cmp.Or(c.Rest, time.Second))
			old = c.find([]byte(resource), r)
			if now := time.Now(); old != nil && old.serves(noWishes, now) {
				c.Collapsed.Add(1)
				c.Hits.Add(1)
				c.serve(w, r, old, hit, now)
				return
			}
		}
	}
	defer mine.ends()
	t := c.take(w, r, resource)
	t.old, t.flight = old, mine
	ask := r
	switch {
	case old != nil:
		ask = conditional(r, old)
	case mine != nil && asksIf(r): // others wait for the whole of it
		ask, t.freely = conditional(r, nil), true
	}
	c.Next.ServeHTTP(t, ask)
	if !t.end() {
		t.again()
		c.Next.ServeHTTP(t, r)
		t.end()
	}
	t.release()
}
