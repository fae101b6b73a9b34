package cache

import (
	"cmp"
	"maps"
	"net/http"
	"strconv"
	"time"
)

// take is the writer that Next answers to: it gives the answer to the client as it comes, and keeps it if it may.
type take struct {
	cache    *Cache
	w        http.ResponseWriter
	r        *http.Request
	resource string
	old      *entry  // that the request asked about
	freely   bool    // the request asked without the client's conditions
	flight   *flight // others wait for this
	asked    time.Time
	epoch    uint64

	header http.Header // of the answer alone, and not of whoever is in front of us
	answer Answer
	wrote  bool
	holds  bool   // the old answer does: 304
	have   bool   // the client has this answer already
	entry  *entry // to be stored
	body   []byte
	broken bool
}

func (c *Cache) take(w http.ResponseWriter, r *http.Request, resource string) *take {
	t, ok := c.takes.Get().(*take)
	if !ok {
		t = &take{header: make(http.Header)}
	}
	t.cache, t.w, t.r, t.resource, t.asked = c, w, r, resource, time.Now()
	t.epoch = c.flights.epoch[c.flights.stripe(resource)].Load()
	return t
}

// again makes it ready for another answer to the same request.
func (t *take) again() {
	clear(t.header)
	*t = take{cache: t.cache, w: t.w, r: t.r, resource: t.resource, flight: t.flight, asked: time.Now(), epoch: t.epoch, header: t.header}
}

// release makes it ready for another request. What it has given away is the values of its headers, and not their map.
func (t *take) release() {
	c, header := t.cache, t.header
	clear(header)
	*t = take{header: header}
	c.takes.Put(t)
}

// Header is the answer's; once that has begun, it is the client's, for trailers.
func (t *take) Header() http.Header {
	if t.wrote {
		return t.w.Header()
	}
	return t.header
}

// Unwrap lets http.ResponseController reach the client.
func (t *take) Unwrap() http.ResponseWriter { return t.w }

// FlushError sends what there is, unless the answer is not the client's.
func (t *take) FlushError() error {
	if !t.wrote {
		t.WriteHeader(http.StatusOK)
	}
	if t.holds || t.have {
		return nil
	}
	return http.NewResponseController(t.w).Flush()
}

// Flush is FlushError for who knows only that.
func (t *take) Flush() { _ = t.FlushError() }

func (t *take) WriteHeader(code int) {
	switch {
	case t.wrote:
		return
	case code < 200:
		h := t.w.Header()
		before := maps.Clone(h)
		maps.Copy(h, t.Header())
		t.w.WriteHeader(code)
		clear(h) // what was said beforehand is not part of the answer
		maps.Copy(h, before)
		return
	}
	t.answer = answerOf(code, t.Header())
	t.wrote = true
	if t.old != nil && code == http.StatusNotModified {
		t.holds = true
		return
	}
	t.choose(&t.answer)
	h := t.w.Header()
	maps.Copy(h, t.answer.Header)
	if t.entry != nil {
		h["X-Cache"] = miss
		t.cache.Misses.Add(1)
	} else {
		h["X-Cache"] = passed
		t.cache.Passed.Add(1)
	}
	if (t.old != nil || t.freely) && code == http.StatusOK {
		t.have = notModified(t.r, newEntry(t.answer, 0, t.asked, t.asked))
	}
	if t.have {
		bare(h)
		code = http.StatusNotModified
	}
	t.w.WriteHeader(code)
}

// choose decides whether the answer is to be stored, and lets go whoever waits for it in vain.
func (t *take) choose(a *Answer) {
	c, now := t.cache, time.Now()
	lifetime := lasts(a, now, c.Unsaid)
	if worthStoring(a, lifetime) && contentLength(a.Header) <= c.object() {
		t.begin(a, lifetime, now)
	}
	switch {
	case t.flight == nil:
	case t.entry != nil && lifetime > 0:
		t.flight.promises()
	default:
		t.flight.ends()
		if !passing(a.Status) {
			c.flights.leaveAlone(t.resource, now)
		}
	}
}

// passing tells whether a status is about now, or about this client, and says nothing of what the resource is.
func passing(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, clientGone:
		return true
	}
	return status >= 500
}

const clientGone = 499 // that of a request that nobody waits for any more

// begin makes the entry, if the answer may be given to others.
func (t *take) begin(a *Answer, lifetime time.Duration, now time.Time) {
	buffer := t.cache.buffer()
	key, ok := t.cache.key((*buffer)[:0], t.r, a)
	if ok {
		stored := *a
		stored.Header = a.Header.Clone() // the other is still written to, and its values are part of what brought them
		if stored.Header.Get("Date") == "" {
			stored.Header.Set("Date", now.UTC().Format(http.TimeFormat))
		}
		t.entry = newEntry(stored, lifetime, t.asked, now)
		t.entry.named(t.resource, string(key))
		t.body = make([]byte, 0, max(0, contentLength(a.Header)))
	}
	t.cache.keep(buffer, key)
}

// contentLength is -1 when it is not said.
func contentLength(h http.Header) int64 {
	said := h["Content-Length"]
	if len(said) == 0 {
		return -1
	}
	n, err := strconv.ParseInt(said[0], 10, 64)
	if err != nil {
		return -1
	}
	return n
}

func (c *Cache) object() int64 { return cmp.Or(c.Object, 1<<20) }

func (t *take) Write(p []byte) (int, error) {
	if !t.wrote {
		t.WriteHeader(http.StatusOK)
	}
	if t.holds {
		return len(p), nil
	}
	if t.entry != nil {
		if int64(len(t.body)+len(p)) > t.cache.object() {
			t.entry, t.body = nil, nil
			t.flight.ends()
		} else {
			t.body = append(t.body, p...)
		}
	}
	if t.have {
		return len(p), nil
	}
	n, err := t.w.Write(p)
	t.broken = t.broken || err != nil
	return n, err
}
