package cache

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"time"
)

// end stores the answer. It is false when the request must be sent once more, as it is.
func (t *take) end() bool {
	if !t.wrote {
		t.WriteHeader(http.StatusOK)
	}
	if t.holds {
		return t.refresh()
	}
	if t.old != nil && t.entry == nil && !passing(t.answer.Status) {
		t.cache.store.drop(t.old) // it does not hold any more, and nothing comes in its place
	}
	if t.entry == nil || t.broken || t.r.Context().Err() != nil {
		return true
	}
	if said := contentLength(t.answer.Header); said >= 0 && said != int64(len(t.body)) {
		return true
	}
	t.entry.fill(t.body)
	t.put(t.entry)
	return true
}

// put stores an entry, unless the resource has changed since it was asked for.
func (t *take) put(e *entry) {
	c := t.cache
	epoch := &c.flights.epoch[c.flights.stripe(t.resource)]
	dropped, ok := c.store.put(e, cmp.Or(c.Bytes, 64<<20), func() bool { return epoch.Load() == t.epoch })
	if ok {
		c.Stored.Add(1)
	}
	c.Dropped.Add(int64(dropped))
}

// refresh serves the old answer with what the 304 says about it (RFC 9111, sections 3.2 and 4.3.4).
func (t *take) refresh() bool {
	if tag := t.header.Get("Etag"); tag != "" && t.old.Header.Get("Etag") != "" && !listed([]string{tag}, t.old.Header.Get("Etag")) {
		t.cache.store.drop(t.old) // the backend speaks of another answer
		return false
	}
	now := time.Now()
	header := maps.Clone(t.old.Header)
	header.Set("Date", now.UTC().Format(http.TimeFormat)) // unless it says so
	delete(header, "Age")
	for name, values := range t.header {
		switch name {
		case "Content-Encoding", "Content-Type", "Content-Range": // they are about the body
		default:
			header[name] = slices.Clone(values) // they are part of what brought them
		}
	}
	a := answerOf(t.old.Status, header)
	lifetime := lasts(&a, now, t.cache.Unsaid)
	e := newEntry(a, lifetime, t.asked, now)
	e.fill(t.old.body)
	key, ok := t.cache.key(nil, t.r, &a)
	if ok && worthStoring(&a, lifetime) {
		e.named(t.resource, string(key))
		t.put(e)
	} else {
		t.cache.store.drop(t.old)
	}
	t.flight.ends() // before a slow client
	t.cache.Revalidated.Add(1)
	t.cache.serve(t.w, t.r, e, revalidated, now)
	return true
}
