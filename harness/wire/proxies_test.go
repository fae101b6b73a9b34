package wire

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
)

// The benchmark's proxies are processes of their own, so that their CPU time can be told from the
// client's: this test binary once more, with these set.
const (
	proxyKind     = "COMEBACK_BENCH_PROXY"
	proxyUpstream = "COMEBACK_BENCH_UPSTREAM"
)

// runProxy is the child: it says where it listens, answers each line with its CPU time in
// nanoseconds, and ends with its standard input.
func runProxy(kind string) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	addr, err := startProxy(ctx, kind, os.Getenv(proxyUpstream))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(addr)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		var use syscall.Rusage
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &use)
		fmt.Println(use.Utime.Nano() + use.Stime.Nano())
	}
}

func startProxy(ctx context.Context, kind, upstream string) (string, error) {
	switch kind {
	case "wire":
		w, err := Listen(ctx, Config{Upstream: upstream, Tap: countingTap()})
		if err != nil {
			return "", err
		}
		return w.Addr(), nil
	case "toxiproxy":
		s := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
		p := toxiproxy.NewProxy(s, "amqp", "127.0.0.1:0", upstream)
		return p.Listen, p.Start()
	case "copy":
		return startCopy(upstream)
	}
	return "", fmt.Errorf("no proxy %q", kind)
}

// countingTap does what a recording tap cannot do without: it looks at each event.
func countingTap() Tap {
	var n [256]atomic.Uint64
	return func(e *Event) { n[byte(e.Method)^byte(len(e.MessageID))].Add(e.Tag) }
}

// startCopy is the least that a proxy can do: io.Copy both ways.
func startCopy(upstream string) (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			b, err := net.Dial("tcp", upstream)
			if err != nil {
				_ = c.Close()
				continue
			}
			go copyAndClose(b, c)
			go copyAndClose(c, b)
		}
	}()
	return ln.Addr().String(), nil
}

func copyAndClose(dst, src net.Conn) {
	_, _ = io.Copy(dst, src)
	_ = dst.(*net.TCPConn).CloseWrite()
}

// proxy is a proxy's process as the benchmark sees it. A nil cmd is no proxy at all.
type proxy struct {
	kind, addr string
	cmd        *exec.Cmd
	in         io.WriteCloser
	out        *bufio.Reader
}

func newProxy(b *testing.B, kind, upstream string) *proxy {
	p := &proxy{kind: kind, addr: upstream}
	if kind == "direct" {
		return p
	}
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env = append(os.Environ(), proxyKind+"="+kind, proxyUpstream+"="+upstream)
	p.cmd.Stderr = os.Stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var err error
	p.in, err = p.cmd.StdinPipe()
	require.NoError(b, err)
	out, err := p.cmd.StdoutPipe()
	require.NoError(b, err)
	p.out = bufio.NewReader(out)
	require.NoError(b, p.cmd.Start())
	b.Cleanup(func() {
		_ = p.in.Close()
		_ = p.cmd.Wait()
	})
	p.addr = p.line(b)
	return p
}

func (p *proxy) line(b *testing.B) string {
	s, err := p.out.ReadString('\n')
	require.NoError(b, err)
	return strings.TrimSpace(s)
}

// cpu is the CPU time that the proxy has used, in nanoseconds.
func (p *proxy) cpu(b *testing.B) float64 {
	if p.cmd == nil {
		return 0
	}
	_, err := io.WriteString(p.in, "\n")
	require.NoError(b, err)
	n, err := strconv.ParseFloat(p.line(b), 64)
	require.NoError(b, err)
	return n
}
