package cache

import (
	"net/http"
	"strings"
)

// Answer is what is known of an answer before its body.
type Answer struct {
	Status  int
	Header  http.Header
	Control Control
	Vary    []string // names of the request's headers that it depends on
}

func answerOf(status int, header http.Header) Answer {
	a := Answer{Status: status, Header: header, Control: noWishes}
	if lines := header["Cache-Control"]; len(lines) > 0 {
		a.Control = Parse(lines)
	}
	for _, line := range header["Vary"] {
		for name := range strings.SplitSeq(line, ",") {
			if name = trim(name); name != "" {
				a.Vary = append(a.Vary, http.CanonicalHeaderKey(name))
			}
		}
	}
	return a
}

// Key says what makes two requests the same. It appends the request's key to b.
//
// Without an answer, that is the key of the resource; ok means that its answer is for everybody unless it says otherwise,
// so that one request may wait for another's. With an answer, it is the key of those requests that the answer is for;
// ok means that it may be stored and given to them, and that this request is one of them.
//
// An answer to a request with Authorization is for others only if it says so (RFC 9111, section 3.5). One to a request with
// a cookie, too, and only if it does not depend on the cookie: there is no telling which part of it matters. Both hold
// in both directions, so that nobody who is known gets an answer that was made for nobody in particular. What sets a
// cookie is for one client, and so is what varies with the client's address.
func Key(b []byte, r *http.Request, a *Answer) (key []byte, ok bool) {
	b = resource(b, r)
	known, cookie := len(r.Header["Authorization"]) > 0, len(r.Header["Cookie"]) > 0
	if a == nil {
		return b, !known && !cookie
	}
	c := a.Control
	if c.NoStore || c.Private || len(a.Header["Set-Cookie"]) > 0 {
		return b, false
	}
	if known && !c.Public && !c.MustRevalidate && c.SMaxAge == none || cookie && !c.Public {
		return b, false
	}
	for _, name := range a.Vary {
		if name == "*" || name == "Cookie" && cookie || added(name) {
			return b, false
		}
		b = append(append(append(b, '\n'), name...), ':')
		for _, value := range r.Header[name] {
			b = append(append(b, trim(value)...), ',')
		}
	}
	return b, true
}

// added tells whether a field is one that a proxy behind the cache adds the client's address or its own name to: what the
// backend answers to is not what the request has. X-Forwarded-Proto and X-Forwarded-Host are made of what the key of the
// resource has.
func added(name string) bool {
	switch name {
	case "X-Forwarded-For", "X-Real-Ip", "Forwarded", "Via":
		return true
	}
	return false
}

// resource appends what is asked for: where, and what. How the client came here counts, too: a redirection from http
// to https must not come back to who has followed it. None of it can hold the separator.
func resource(b []byte, r *http.Request) []byte {
	b = append(append(b, r.Host...), '\n')
	for _, name := range [...]string{"X-Forwarded-Proto", "X-Forwarded-Host"} {
		for _, value := range r.Header[name] {
			b = append(append(b, value...), ',')
		}
		b = append(b, '\n')
	}
	if r.TLS != nil {
		b = append(b, "https"...)
	}
	b = append(b, '\n')
	if strings.HasPrefix(r.RequestURI, "/") {
		return append(b, r.RequestURI...)
	}
	return append(b, r.URL.RequestURI()...)
}
