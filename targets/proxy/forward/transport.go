package forward

import (
	"cmp"
	"net"
	"net/http"
	"time"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
)

// Transport makes the connections of one backend: as many may be kept as it may have requests, so that
// none is made anew under load.
func Transport(s *backend.Spec, connect, keep time.Duration) http.RoundTripper {
	t := &http.Transport{
		DialContext:            (&net.Dialer{Timeout: connect, KeepAlive: 15 * time.Second}).DialContext,
		MaxIdleConnsPerHost:    s.MaxActive,
		IdleConnTimeout:        keep,
		TLSHandshakeTimeout:    connect,
		ExpectContinueTimeout:  time.Second,
		DisableCompression:     true, // bodies pass as they are
		MaxResponseHeaderBytes: headMost,
		ReadBufferSize:         16 << 10, // most answers come with one system call
		Protocols:              new(http.Protocols),
	}
	t.Protocols.SetHTTP1(!s.H2C)
	t.Protocols.SetUnencryptedHTTP2(s.H2C)
	if s.H2C || s.URL.Scheme != "http" {
		return t
	}
	return &direct{Transport: t, host: s.URL.Host, addr: net.JoinHostPort(s.URL.Hostname(), cmp.Or(s.URL.Port(), "80")), keep: keep, most: s.MaxActive}
}
