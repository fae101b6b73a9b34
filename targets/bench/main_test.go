// Package bench compares the whole proxy, each in a process of its own, with haproxy, nginx and a bare httputil.ReverseProxy.
package bench

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/proxytest"
)

// What the test binary is told by its environment when it is one of the processes.
const (
	role    = "BENCH_ROLE"    // proxy, bare or backend
	listen  = "LISTEN_ADDR"   // as the proxy has it
	behind  = "BENCH_BACKEND" // host:port, of bare
	size    = "BENCH_SIZE"    // bytes of an answer, of backend
	profile = "BENCH_PROFILE" // file for a profile of the processor time; to the benchmark: a folder for all of them
)

func TestMain(m *testing.M) {
	if os.Getenv(role) == "" {
		os.Exit(m.Run())
	}
	code, err := play()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// play is one of the processes, until it is told to stop.
func play() (code int, err error) {
	if path := os.Getenv(profile); path != "" {
		f, err := os.Create(path)
		if err != nil {
			return 1, err
		}
		if err := pprof.StartCPUProfile(f); err != nil {
			return 1, err
		}
		defer func() { pprof.StopCPUProfile(); _ = f.Close() }()
	}
	switch os.Getenv(role) {
	case "proxy":
		return proxy.Main(nil, os.Stdout, os.Stderr, nil), nil
	case "bare":
		return 0, serve(proxytest.Bare(os.Getenv(behind), proxytest.Transport(), "1.1 proxy", "a", "1"))
	}
	n, err := strconv.Atoi(os.Getenv(size))
	if err != nil {
		return 1, err
	}
	return 0, serve(fixed(n))
}

// fixed answers everything with n bytes.
func fixed(n int) http.Handler {
	body := strings.Repeat("x", n)
	length := []string{strconv.Itoa(n)}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = []string{"text/plain"}
		w.Header()["Content-Length"] = length
		_, _ = io.WriteString(w, body)
	})
}

func serve(h http.Handler) error {
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM)
	failed := make(chan error, 1)
	go func() { failed <- (&http.Server{Addr: os.Getenv(listen), Handler: h}).ListenAndServe() }()
	select {
	case <-told:
		return nil
	case err := <-failed:
		return err
	}
}
