package cache

import (
	"net/http"
	"net/url"
	"strings"
)

// change passes a request that may change something, and then forgets what it may have changed (RFC 9111, section 4.4).
func (c *Cache) change(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodOptions, http.MethodTrace, http.MethodConnect:
		c.pass(w, r)
		return
	}
	s := &status{ResponseWriter: w, made: func() { c.forgetChanged(w, r) }}
	defer func() { // also when the answer was cut short, or never came: the change may have been made
		if s.code < 400 {
			s.made()
		}
	}()
	c.pass(s, r)
}

// forgetChanged forgets what a request and the head of its answer name.
func (c *Cache) forgetChanged(w http.ResponseWriter, r *http.Request) {
	key, _ := c.key(nil, r, nil)
	c.Forget(string(key))
	for _, name := range [...]string{"Location", "Content-Location"} {
		if at := w.Header().Get(name); at != "" {
			c.forgetAt(r, at)
		}
	}
}

// forgetAt forgets what a header points to, on the same host.
func (c *Cache) forgetAt(r *http.Request, at string) {
	u, err := url.Parse(at)
	if err != nil {
		return
	}
	if u = r.URL.ResolveReference(u); u.Host != "" && !strings.EqualFold(u.Host, r.Host) {
		return
	}
	there := *r
	there.URL, there.RequestURI = u, u.RequestURI()
	key, _ := c.key(nil, &there, nil)
	c.Forget(string(key))
}

// Forget removes all answers of a resource, by its key, and those that are under way are not stored.
func (c *Cache) Forget(resource string) {
	c.flights.epoch[c.flights.stripe(resource)].Add(1)
	c.store.forget(resource)
}

// status notes the status of an answer to a change, and tells of one that was made before the client is told.
type status struct {
	http.ResponseWriter
	code int
	made func()
}

func (s *status) WriteHeader(code int) {
	s.code = code
	if code >= 200 && code < 400 {
		s.made()
	}
	s.ResponseWriter.WriteHeader(code)
}

func (s *status) Write(p []byte) (int, error) {
	if s.code < 200 {
		s.WriteHeader(http.StatusOK)
	}
	return s.ResponseWriter.Write(p)
}

func (s *status) Unwrap() http.ResponseWriter { return s.ResponseWriter }
