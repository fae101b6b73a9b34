package forward

import (
	"net/http"
	"time"
)

// Patient has a transport wait for d, where it waits at all, before it sends a body that the backend has not asked for.
func Patient(rt http.RoundTripper, d time.Duration) http.RoundTripper {
	var t *http.Transport
	switch rt := rt.(type) {
	case *direct:
		t = rt.Transport
	case *http.Transport:
		t = rt
	}
	if t.ExpectContinueTimeout > 0 { // else it does not wait, which a test must not hide
		t.ExpectContinueTimeout = d
	}
	return rt
}
