package cache

import (
	"net/http"
	"strings"
)

// notModified tells whether the client has this answer already (RFC 9110, sections 13.1.2 and 13.1.3).
func notModified(r *http.Request, e *entry) bool {
	if e.Status != http.StatusOK {
		return false
	}
	if lines := r.Header["If-None-Match"]; len(lines) > 0 {
		return listed(lines, e.Header.Get("Etag"))
	}
	since := r.Header.Get("If-Modified-Since")
	if since == "" || e.modified.IsZero() {
		return false
	}
	if since == e.Header.Get("Last-Modified") {
		return true
	}
	t, err := http.ParseTime(since)
	return err == nil && !e.modified.After(t)
}

// listed tells whether a tag is among those of If-None-Match; weak ones are as good as strong ones.
func listed(lines []string, tag string) bool {
	tag = strings.TrimPrefix(tag, "W/")
	for _, line := range lines {
		for line = strings.TrimLeft(line, separator); line != ""; line = strings.TrimLeft(line, separator) {
			if line[0] == '*' {
				return true
			}
			line = strings.TrimPrefix(line, "W/")
			if !strings.HasPrefix(line, `"`) {
				break // no tag
			}
			end := strings.IndexByte(line[1:], '"')
			if end < 0 {
				break
			}
			if tag == line[:end+2] {
				return true
			}
			line = line[end+2:]
		}
	}
	return false
}

func asksIf(r *http.Request) bool {
	return len(r.Header["If-None-Match"]) > 0 || len(r.Header["If-Modified-Since"]) > 0
}

// conditional makes the request that asks whether an answer still holds, and not what the client would know; without one,
// it asks for the answer in any case.
func conditional(r *http.Request, e *entry) *http.Request {
	ask := r.WithContext(r.Context())
	ask.Header = r.Header.Clone()
	ask.Header.Del("If-None-Match")
	ask.Header.Del("If-Modified-Since")
	if e == nil {
		return ask
	}
	if tag := e.Header.Get("Etag"); tag != "" {
		ask.Header.Set("If-None-Match", tag)
	}
	if at := e.Header.Get("Last-Modified"); at != "" {
		ask.Header.Set("If-Modified-Since", at)
	}
	return ask
}
