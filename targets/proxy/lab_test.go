package proxy_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/proxytest"
)

const asProgram = "PROXY_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(proxy.Main(os.Args[1:], os.Stdout, os.Stderr, nil))
	}
	proxytest.Main(m)
}

// within is how long anything that must happen may take on a busy machine.
const within = 20 * time.Second

// program is the proxy as a process of its own.
type program struct {
	t             testing.TB
	cmd           *exec.Cmd
	file          string
	listen, admin string
	ops           string // "": none
	client        *http.Client
	exited        chan struct{}
	stderr        bytes.Buffer

	mu  sync.Mutex
	log []string
}

// start runs the proxy in front of backends; env may change its settings.
func start(t testing.TB, file string, env ...string) *program {
	t.Helper()
	p := &program{t: t, file: filepath.Join(t.TempDir(), "backends.yaml"), exited: make(chan struct{})}
	p.write(file)
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env = append([]string{asProgram + "=1", "BACKENDS_FILE=" + p.file, "LISTEN_ADDR=127.0.0.1:0", "ADMIN_ADDR=127.0.0.1:0"}, env...)
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	p.cmd.Stderr = &p.stderr
	require.NoError(t, p.cmd.Start())
	lines := bufio.NewReader(out)
	first, err := lines.ReadString('\n')
	if err == nil {
		var starting struct{ Listen, Admin, Ops string }
		require.NoError(t, json.Unmarshal([]byte(first), &starting), first)
		p.listen, p.admin = "http://"+starting.Listen, "http://"+starting.Admin
		if starting.Ops != "" {
			p.ops = "http://" + starting.Ops
		}
	}
	go func() {
		defer close(p.exited)
		p.read(lines)
		_ = p.cmd.Wait()
	}()
	p.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}, Timeout: within}
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.exited
		p.client.CloseIdleConnections()
		if t.Failed() {
			t.Log(strings.Join(p.lines(), ""), p.stderr.String())
		}
	})
	return p
}

func (p *program) read(lines *bufio.Reader) {
	for {
		line, err := lines.ReadString('\n')
		p.mu.Lock()
		p.log = append(p.log, line)
		p.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (p *program) lines() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string{}, p.log...)
}

func (p *program) write(file string) {
	p.t.Helper()
	require.NoError(p.t, os.WriteFile(p.file, []byte(file), 0o600))
}

func (p *program) signal(s syscall.Signal) {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(s))
}

func (p *program) exit() int {
	p.t.Helper()
	select {
	case <-p.exited:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(within):
		require.Fail(p.t, "the program does not end")
		return -1
	}
}

// ask sends a request to the proxy, or to its admin API when path begins with the address.
func (p *program) ask(method, path string, body io.Reader, headers ...string) (*http.Response, string) {
	p.t.Helper()
	if strings.HasPrefix(path, "/") {
		path = p.listen + path
	}
	r, err := http.NewRequestWithContext(p.t.Context(), method, path, body)
	require.NoError(p.t, err)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := p.client.Do(r)
	require.NoError(p.t, err)
	text, err := io.ReadAll(res.Body)
	require.NoError(p.t, err)
	require.NoError(p.t, res.Body.Close())
	return res, string(text)
}

func (p *program) backends() map[string]backend.Status {
	p.t.Helper()
	_, body := p.ask("GET", p.admin+"/backends", nil)
	var list []backend.Status
	require.NoError(p.t, json.Unmarshal([]byte(body), &list), body)
	got := map[string]backend.Status{}
	for _, s := range list {
		got[s.Name] = s
	}
	return got
}

// await waits for a backend to be in a state; "" is that it is no longer there.
func (p *program) await(name string, s backend.State) backend.Status {
	p.t.Helper()
	var got backend.Status
	require.Eventually(p.t, func() bool { got = p.backends()[name]; return got.State == s }, within, 5*time.Millisecond, "%s is %s", name, s)
	return got
}

// server is a backend that can die and come back at the same address.
type server struct {
	t       testing.TB
	addr    string
	handler http.HandlerFunc
	hits    atomic.Int64 // but for health checks
	up      *http.Server
}

func newServer(t testing.TB, h http.HandlerFunc) *server {
	t.Helper()
	s := &server{t: t, addr: "127.0.0.1:0", handler: h}
	s.start()
	t.Cleanup(s.kill)
	return s
}

func (s *server) start() {
	s.t.Helper()
	var l net.Listener
	require.Eventually(s.t, func() (ok bool) {
		var err error
		l, err = net.Listen("tcp", s.addr)
		return err == nil
	}, within, time.Millisecond)
	s.addr = l.Addr().String()
	s.up = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" {
			return
		}
		s.hits.Add(1)
		s.handler(w, r)
	})}
	go func(up *http.Server) { _ = up.Serve(l) }(s.up)
}

func (s *server) kill() { _ = s.up.Close() }

// file gives the text of a file of backends, named a, b, c … A machine that stands still for a second makes none of them
// unhealthy; one that refuses connections soon is.
func file(servers ...*server) string {
	var b strings.Builder
	b.WriteString("defaults: {max_active: 20, health: {interval: 2s, timeout: 2s, healthy: 1, unhealthy: 2}}\nbackends:\n")
	for i, s := range servers {
		fmt.Fprintf(&b, "  - {name: %c, url: 'http://%s', version: v%d}\n", 'a'+i, s.addr, i+1)
	}
	return b.String()
}

func ok(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") }
