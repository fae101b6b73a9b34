package legacyproxy

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
)

// readsToTheEnd asks on a connection of its own each time, and takes the end of that for the end of the answer, as
// HTTP/1.0 had it.
func readsToTheEnd(p *proxy.Proxy) {
	limit := p.Settings.ConnectTimeout
	p.Pool.Transport = func(*backend.Spec) http.RoundTripper { return untilClosed{limit} }
}

type untilClosed struct{ connect time.Duration }

func (u untilClosed) RoundTrip(r *http.Request) (*http.Response, error) {
	d := net.Dialer{Timeout: u.connect}
	conn, err := d.DialContext(r.Context(), "tcp", r.URL.Host)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(r.Context(), func() { _ = conn.Close() }) // each attempt's context ends with it
	r.Close = true
	if err := r.Write(conn); err != nil {
		return nil, err
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), r)
	if err != nil {
		return nil, err
	}
	res.Body = untilEnd{res.Body, conn}
	return res, nil
}

// untilEnd is a body that ends with its connection.
type untilEnd struct {
	io.ReadCloser
	conn io.Reader
}

func (u untilEnd) Read(p []byte) (int, error) {
	n, err := u.ReadCloser.Read(p)
	if err == io.EOF {
		_, _ = io.Copy(io.Discard, u.conn) // whatever it is, it is over then
	}
	return n, err
}
