package proxy_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/proxytest"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/settings"
)

// BenchmarkProxy compares the whole proxy, with everything on (guard, limits, cache, shedder, ids, metrics, health checks,
// slow readers), with a bare httputil.ReverseProxy in front of the same backend. The cache is of no use for these answers.
func BenchmarkProxy(b *testing.B) {
	for _, size := range []int{100, 64 << 10} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			body := strings.Repeat("x", size)
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header()["Content-Type"] = []string{"text/plain"}
				w.Header()["Content-Length"] = []string{strconv.Itoa(size)}
				_, _ = io.WriteString(w, body)
			}))
			defer s.Close()
			host := s.Listener.Addr().String()
			transport := proxytest.Transport()
			defer transport.CloseIdleConnections()
			proxytest.Turns(b, proxytest.Load{Users: 8}, proxytest.Serve(b, "bare", proxytest.Bare(host, transport, "1.1 proxy", "a", "v1")),
				&proxytest.Side{Name: "proxy", Addr: run(b, host)})
		})
	}
}

// run runs the proxy in this process, and gives its address.
func run(b *testing.B, host string) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "backends.yaml")
	text := "backends: [{name: a, version: v1, url: 'http://" + host + "', health: {path: /, healthy: 1}}]"
	require.NoError(b, os.WriteFile(path, []byte(text), 0o600))
	s, err := settings.Parse([]string{"-backends-file", path, "-backend-keep-alive", "1m"}, func(string) (string, bool) { return "", false }, io.Discard)
	require.NoError(b, err)
	p := proxy.New(s, slog.New(slog.DiscardHandler))
	clients, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	operators, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx, proxy.Listeners{Clients: clients, Admin: operators}, nil) }()
	b.Cleanup(func() { stop(); require.NoError(b, <-done) })
	require.Eventually(b, p.Board.Ready, within, time.Millisecond)
	return clients.Addr().String()
}
