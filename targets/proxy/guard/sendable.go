package guard

import (
	"net/http"

	"golang.org/x/net/http/httpguts"
)

// sendable tells whether a request can be sent to any backend. The server of net/http takes some that its client
// refuses to write: that would look like a failure of the backend.
func sendable(r *http.Request) bool {
	if !httpguts.ValidHeaderFieldName(r.Method) || !httpguts.ValidHostHeader(r.Host) { // a method is a token, as a name is
		return false
	}
	for name := range r.Trailer {
		if !httpguts.ValidHeaderFieldName(name) {
			return false
		}
	}
	return true
}
