package guard

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// browser is what a browser sends.
const browser = "GET /static/app.js?v=1 HTTP/1.1\r\nHost: www.example.org\r\nConnection: keep-alive\r\nAccept: */*\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36\r\n" +
	"Referer: https://www.example.org/\r\nAccept-Encoding: gzip, deflate, br\r\nAccept-Language: en-GB,en;q=0.9\r\n" +
	"Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\nIf-None-Match: \"33a64df551425fcc55e4d42a148795d9f25f89d4\"\r\n\r\n"

// endless is a connection on which the same bytes come for ever, a whole request a read.
type endless struct {
	net.Conn
	in string
}

func (e *endless) Read(p []byte) (int, error) { return copy(p, e.in), nil }

func requests() map[string]string {
	return map[string]string{
		"browser": browser,
		"chunked": post + "Transfer-Encoding: chunked\r\n\r\n400\r\n" + strings.Repeat("x", 1024) + "\r\n0\r\n\r\n",
		"length":  post + "Content-Length: 1024\r\n\r\n" + strings.Repeat("x", 1024),
	}
}

func TestNoAllocationARequest(t *testing.T) {
	p := make([]byte, 4096)
	for name, in := range requests() {
		c := &conn{Conn: &endless{in: in}}
		require.Zero(t, testing.AllocsPerRun(1000, func() {
			if n, err := c.Read(p); n != len(in) || err != nil {
				t.Fatal(n, err)
			}
		}), name)
	}
	h := NewHandler(Limits{}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Accept", "*/*")
	w := httptest.NewRecorder()
	require.Zero(t, testing.AllocsPerRun(1000, func() { h.ServeHTTP(w, r) }), "the limits, without a body")
}

func BenchmarkRead(b *testing.B) {
	p := make([]byte, 4096)
	for name, in := range requests() {
		b.Run(name, func(b *testing.B) {
			c := &conn{Conn: &endless{in: in}}
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				if n, err := c.Read(p); n != len(in) || err != nil {
					b.Fatal(n, err)
				}
			}
		})
	}
}

func BenchmarkHandler(b *testing.B) {
	h := NewHandler(Limits{}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r := httptest.NewRequest("GET", "/", nil)
	for _, name := range []string{"Accept", "Accept-Encoding", "Accept-Language", "Cookie", "Referer", "User-Agent", "X-Request-Id"} {
		r.Header.Set(name, "x")
	}
	w := httptest.NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(w, r)
	}
}

// BenchmarkServer is a request to a server of net/http over loopback, with and without the guard.
func BenchmarkServer(b *testing.B) {
	for name, guarded := range map[string]bool{"bare": false, "guarded": true} {
		b.Run(name, func(b *testing.B) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(b, err)
			server := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
			if guarded {
				l = &Listener{Listener: l}
				server.Handler = NewHandler(Limits{}, server.Handler)
				Limits{}.Server(server)
			}
			go func() { _ = server.Serve(l) }()
			defer func() { _ = server.Close() }()
			c, err := net.Dial("tcp", l.Addr().String())
			require.NoError(b, err)
			defer func() { _ = c.Close() }()
			p := make([]byte, 4096)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := io.WriteString(c, browser); err != nil {
					b.Fatal(err)
				}
				if _, err := c.Read(p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
