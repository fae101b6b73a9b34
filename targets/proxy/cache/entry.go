package cache

import (
	"net/http"
	"strconv"
	"time"
)

// entry is a stored answer. Nothing in it changes once it is stored, but its place in the list.
type entry struct {
	Answer
	resource string // its key without an answer
	key      string // and with this one
	fields   []field
	body     []byte
	length   []string // Content-Length
	modified time.Time

	received time.Time
	age      time.Duration // when it was received
	lifetime time.Duration
	size     int64

	newer, older *entry // of all, by use
	gone         bool   // not in the store any more
}

// field is a header with all its values.
type field struct {
	name   string
	values []string
}

// What an entry takes beside its strings, in bytes, about; TestWhatIsCounted measures it.
const (
	overhead      = 640
	valueOverhead = 160 // for each value of a header
)

// newEntry makes an entry of an answer that was asked for and came at these times. The body may be added.
func newEntry(a Answer, lifetime time.Duration, asked, received time.Time) *entry {
	e := &entry{Answer: a, received: received, lifetime: lifetime, size: overhead}
	for name, values := range a.Header {
		if perHop[name] {
			continue
		}
		e.fields = append(e.fields, field{name, values[:len(values):len(values)]})
		for _, v := range values {
			e.size += int64(len(name) + len(v) + valueOverhead)
		}
	}
	e.modified, _ = http.ParseTime(a.Header.Get("Last-Modified"))
	e.age = received.Sub(asked)
	if said, err := strconv.ParseInt(a.Header.Get("Age"), 10, 32); err == nil && said > 0 {
		e.age += time.Duration(said) * time.Second
	}
	if date, err := http.ParseTime(a.Header.Get("Date")); err == nil {
		e.age = max(e.age, received.Sub(date))
	}
	return e
}

// perHop are the headers that are not stored: those of one connection, and those that are written anew.
var perHop = map[string]bool{"Connection": true, "Keep-Alive": true, "Proxy-Authenticate": true, "Proxy-Authentication-Info": true,
	"Proxy-Authorization": true, "Proxy-Connection": true, "Te": true, "Trailer": true, "Transfer-Encoding": true, "Upgrade": true,
	"Age": true, "Content-Length": true, "X-Cache": true, "X-Request-Id": true}

// named gives the entry its place.
func (e *entry) named(resource, key string) {
	e.resource, e.key = resource, key
	e.size += int64(len(resource) + len(key))
}

func (e *entry) fill(body []byte) {
	if cap(body) > len(body)+len(body)/4 {
		body = append(make([]byte, 0, len(body)), body...)
	}
	e.body = body
	e.length = []string{strconv.Itoa(len(body))}
	e.size += int64(len(body))
}

// ageAt is how old the answer is.
func (e *entry) ageAt(now time.Time) time.Duration { return e.age + now.Sub(e.received) }

// serves tells whether the answer will do for a request without asking the backend.
func (e *entry) serves(ask Control, now time.Time) bool {
	age := e.ageAt(now)
	switch {
	case ask.NoCache, age >= e.lifetime:
		return false
	case ask.MaxAge != none && age > time.Duration(ask.MaxAge)*time.Second:
		return false
	default:
		return ask.MinFresh == none || e.lifetime-age >= time.Duration(ask.MinFresh)*time.Second
	}
}

// lasts is how long an answer is fresh (RFC 9111, section 4.2.1). unsaid is for one that does not say.
func lasts(a *Answer, received time.Time, unsaid time.Duration) time.Duration {
	c := a.Control
	switch {
	case c.NoCache:
		return 0
	case c.SMaxAge != none:
		return time.Duration(c.SMaxAge) * time.Second
	case c.MaxAge != none:
		return time.Duration(c.MaxAge) * time.Second
	case len(a.Header["Expires"]) > 0:
		end, err := http.ParseTime(a.Header.Get("Expires"))
		if err != nil {
			return 0 // "0" is a common one
		}
		if date, err := http.ParseTime(a.Header.Get("Date")); err == nil {
			received = date
		}
		return max(0, end.Sub(received))
	case (a.Status == 302 || a.Status == 307) && !c.Public:
		return 0 // section 4.2.2: they are for this time only, and nothing may be guessed
	default:
		return unsaid
	}
}

// worthStoring tells whether an answer can be of use later, whoever it is for (RFC 9111, section 3).
func worthStoring(a *Answer, lifetime time.Duration) bool {
	switch a.Status {
	case 200, 203, 204, 300, 301, 308, 404, 410: // RFC 9110, section 15.1
	case 302, 307:
		if lifetime <= 0 {
			return false
		}
	default:
		return false
	}
	if len(a.Header["Trailer"]) > 0 || len(a.Header["Content-Range"]) > 0 {
		return false
	}
	return lifetime > 0 || len(a.Header["Etag"]) > 0 || len(a.Header["Last-Modified"]) > 0
}
