package flow_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/flow"
)

// sink is a client that takes everything at once.
type sink struct{}

func (sink) Header() http.Header         { return nil }
func (sink) WriteHeader(int)             {}
func (sink) Write(p []byte) (int, error) { return len(p), nil }

// plain hides everything but Read.
type plain struct{ io.Reader }

func copies(size int, c *flow.Copier) map[string]func(http.ResponseWriter) error {
	buffer := make([]byte, 32<<10)
	return map[string]func(http.ResponseWriter) error{
		"io.Copy": func(w http.ResponseWriter) error {
			_, err := io.CopyBuffer(struct{ io.Writer }{w}, plain{&zeros{size}}, buffer)
			return err
		},
		"flow": func(w http.ResponseWriter) error {
			_, err := c.Copy(w, &zeros{size}, false)
			return err
		},
	}
}

// zeros costs nothing to read.
type zeros struct{ left int }

func (z *zeros) Read(p []byte) (int, error) {
	if z.left == 0 {
		return 0, io.EOF
	}
	n := min(z.left, len(p))
	z.left -= n
	return n, nil
}

func (z *zeros) Close() error { return nil }

var sizes = []int{1 << 10, 32 << 10, 1 << 20}

// BenchmarkOverhead is the copy alone, without a network.
func BenchmarkOverhead(b *testing.B) {
	for _, size := range sizes {
		for name, copyTo := range copies(size, &flow.Copier{}) {
			b.Run(fmt.Sprintf("%s/%dKB", name, size>>10), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := copyTo(sink{}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkLoopback is a request to a server that copies, by a client that keeps up.
func BenchmarkLoopback(b *testing.B) {
	for _, size := range sizes {
		for name, copyTo := range copies(size, &flow.Copier{}) {
			b.Run(fmt.Sprintf("%s/%dKB", name, size>>10), func(b *testing.B) {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				require.NoError(b, err)
				server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Length", fmt.Sprint(size))
					_ = copyTo(w)
				})}
				if name == "flow" {
					l = &flow.Listener{Listener: l}
				}
				go func() { _ = server.Serve(l) }()
				defer func() { _ = server.Close() }()
				conn, err := net.Dial("tcp", l.Addr().String())
				require.NoError(b, err)
				defer func() { _ = conn.Close() }()
				p, total := make([]byte, 64<<10), 0
				b.SetBytes(int64(size))
				for b.Loop() {
					_, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
					for n := 0; err == nil && (total == 0 || n < total); {
						var m int
						m, err = conn.Read(p)
						if i := bytes.Index(p[:m], []byte("\r\n\r\n")); total == 0 && i >= 0 {
							total = i + 4 + size // of each answer
						}
						n += m
					}
					if err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
