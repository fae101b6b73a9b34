package forward

import (
	"net"
	"net/http"
	"net/textproto"
	"strings"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
)

// Head is what is done to the head of requests and answers.
type Head struct {
	Trust    bool   // X-Forwarded-* of a request are kept and added to, instead of replaced
	Via      string // our name in Via
	ServedBy bool   // X-Served-By and X-Served-Version
}

// requestID is passed on whatever Connection says of it.
const requestID = "X-Request-Id"

// hop tells whether a field concerns one connection only (RFC 9110 § 7.6.1, and those from before it).
func hop(name string) bool {
	switch name {
	case "Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization",
		"Te", "Trailer", "Transfer-Encoding", "Upgrade":
		return true
	}
	return false
}

// claimed tells whether a field says where a request came from, or is taken for HTTP_PROXY by a backend that puts
// fields into its environment: only who is trusted may. To such a backend, "_" in a name is "-" (CGI: RFC 3875 § 4.1.18).
func claimed(name string) bool {
	if strings.Contains(name, "_") {
		name = textproto.CanonicalMIMEHeaderKey(strings.ReplaceAll(name, "_", "-"))
	}
	return strings.HasPrefix(name, "X-Forwarded-") || name == "X-Real-Ip" || name == "Forwarded" || name == "Proxy"
}

// passOn puts what is not for one hop into dst, but for what is claimed unless claims are trusted. Values
// are shared, not copied.
func passOn(dst, src http.Header, trusted bool) {
	for name, values := range src {
		if !hop(name) && (trusted || !claimed(name)) {
			dst[name] = values
		}
	}
	for _, named := range src["Connection"] {
		for token := range strings.SplitSeq(named, ",") {
			delete(dst, textproto.CanonicalMIMEHeaderKey(textproto.TrimString(token)))
		}
	}
}

// hasToken tells whether a list field has a token.
func hasToken(values []string, token string) bool {
	for _, v := range values {
		for t := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(textproto.TrimString(t), token) {
				return true
			}
		}
	}
	return false
}

// upgradeOf gives the protocol that a request asks to change to. HTTP/2 is no such: a backend that obeyed
// would speak with the client past us. Nor is any with a body: that is still read when the protocol changes.
func upgradeOf(r *http.Request) string {
	h := r.Header
	if len(h["Upgrade"]) == 0 || r.ContentLength != 0 || !hasToken(h["Connection"], "upgrade") {
		return ""
	}
	p := h.Get("Upgrade")
	if strings.ContainsFunc(p, func(r rune) bool { return r <= ' ' || r > '~' || r == ',' }) ||
		strings.EqualFold(p, "h2c") || strings.EqualFold(p, "h2") {
		return ""
	}
	return p
}

// requestHead makes the head that the backends get.
func (x *exchange) requestHead() {
	in := x.in
	h := make(http.Header, len(in.Header)+6)
	passOn(h, in.Header, x.Head.Trust)
	if id := in.Header[requestID]; id != nil {
		h[requestID] = id
	}
	if hasToken(in.Header["Te"], "trailers") {
		h["Te"] = []string{"trailers"}
	}
	if x.upgrade = upgradeOf(in); x.upgrade != "" {
		h["Connection"], h["Upgrade"] = []string{"Upgrade"}, []string{x.upgrade}
	}
	x.forwarded(h)
	h["Via"] = x.via(in.Header["Via"], in.ProtoMajor, in.ProtoMinor)
	if _, ok := h["User-Agent"]; !ok {
		h["User-Agent"] = noValue // else the transport adds its own
	}
	hideFromTransport(h)
	x.header = h
}

var noValue = []string{""}

// forwarded says who the client is and what it asked.
func (x *exchange) forwarded(h http.Header) {
	proto := "http"
	if x.in.TLS != nil {
		proto = "https"
	}
	client := x.in.RemoteAddr
	if host, _, err := net.SplitHostPort(client); err == nil {
		client = host
	}
	if before := h["X-Forwarded-For"]; len(before) > 0 {
		client = strings.Join(before, ", ") + ", " + client
	}
	h["X-Forwarded-For"] = x.slot(client)
	if len(h["X-Forwarded-Proto"]) == 0 {
		h["X-Forwarded-Proto"] = x.slot(proto)
	}
	if len(h["X-Forwarded-Host"]) == 0 {
		h["X-Forwarded-Host"] = x.slot(x.in.Host)
	}
}

// hideFromTransport keeps http.Transport from sending a request twice by itself because the client called
// it idempotent: it knows these fields only as Go spells them.
func hideFromTransport(h http.Header) {
	for _, name := range [...]string{"Idempotency-Key", "X-Idempotency-Key"} {
		if v, ok := h[name]; ok {
			delete(h, name)
			h[strings.ToLower(name)] = v
		}
	}
}

// via says that we were here.
func (x *exchange) via(before []string, major, minor int) []string {
	x.viaOnce.Do(func() {
		for i, version := range [...]string{"1.0 ", "1.1 ", "2.0 "} {
			x.vias[i] = []string{version + x.Head.Via}
		}
	})
	ours := x.vias[1]
	switch {
	case major == 2:
		ours = x.vias[2]
	case minor == 0:
		ours = x.vias[0]
	}
	if len(before) == 0 {
		return ours[:1:1] // shared: nobody may add to it
	}
	return x.slot(strings.Join(before, ", ") + ", " + ours[0])
}

// answerHead puts the head of an answer into dst, which may hold fields of ours.
func (x *exchange) answerHead(dst http.Header, res *http.Response, from *backend.Spec) {
	id := dst[requestID]
	passOn(dst, res.Header, true)
	if delete(dst, requestID); id != nil {
		dst[requestID] = id // the request's, whatever the backend makes of it: its answer may be stored
	}
	dst["Via"] = x.via(res.Header["Via"], res.ProtoMajor, res.ProtoMinor)
	if x.Head.ServedBy {
		dst["X-Served-By"] = x.slot(from.Name)
		if from.Version != "" {
			dst["X-Served-Version"] = x.slot(from.Version)
		}
	}
}
