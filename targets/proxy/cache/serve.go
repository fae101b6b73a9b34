package cache

import (
	"cmp"
	"net/http"
	"strconv"
	"time"
)

// serve gives a stored answer to a client.
func (c *Cache) serve(w http.ResponseWriter, r *http.Request, e *entry, how []string, now time.Time) {
	h := w.Header()
	for _, f := range e.fields {
		h[f.name] = f.values
	}
	h["Age"] = []string{strconv.Itoa(int(max(0, e.ageAt(now)) / time.Second))}
	h["X-Cache"] = how
	if notModified(r, e) {
		bare(h)
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if e.Status != http.StatusNoContent {
		h["Content-Length"] = e.length
	}
	w.WriteHeader(e.Status)
	if r.Method == http.MethodHead {
		return
	}
	c.write(w, e.body)
}

// bare takes away what a 304 does not repeat.
func bare(h http.Header) {
	for _, name := range [...]string{"Content-Type", "Content-Encoding", "Content-Language", "Content-Length", "Last-Modified"} {
		if name != "Last-Modified" || len(h["Etag"]) > 0 {
			delete(h, name)
		}
	}
}

// write gives the body in pieces, each with a time limit. The last one's also holds for what the server still has to send.
func (c *Cache) write(w http.ResponseWriter, body []byte) {
	const piece = 64 << 10
	control := http.NewResponseController(w)
	for {
		_ = control.SetWriteDeadline(time.Now().Add(cmp.Or(c.Stall, 30*time.Second)))
		if len(body) == 0 {
			return // HTTP/2 takes not even nothing after a 204
		}
		n := min(len(body), piece)
		if _, err := w.Write(body[:n]); err != nil {
			panic(http.ErrAbortHandler) // the client must not take this for the whole
		}
		if body = body[n:]; len(body) == 0 {
			return
		}
	}
}
