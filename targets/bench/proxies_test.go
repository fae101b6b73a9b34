package bench

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/harness/child"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/proxytest"
)

// BenchmarkProxies has the proxy as it is by default (health checks, shedder, cache, guard, metrics, slow readers), a bare
// httputil.ReverseProxy, haproxy and nginx before the same backend, and the backend alone as direct. Each is a process of its
// own with one thread that does its work (GOMAXPROCS=1, nbthread 1, one worker), and so is the backend; the users are in
// this process. The sides take turns. What a proxy adds to p50 and p99 is its own less that of direct.
func BenchmarkProxies(b *testing.B) {
	for _, path := range []string{haproxy, nginx} {
		if _, err := os.Stat(path); err != nil {
			b.Skipf("%v: make setup installs it", err)
		}
	}
	for _, n := range []int{100, 10_000} {
		b.Run(fmt.Sprintf("%dB", n), func(b *testing.B) {
			sides := newLab(b).sides(n)
			for _, load := range loads {
				b.Run(load.name, func(b *testing.B) { proxytest.Turns(b, load.Load, sides...) })
			}
		})
	}
}

// loads are as much as a side can do, by one user and by many, and a rate that all of them can do: a p99 of a side that has
// more to do than it can is the length of its queue.
var loads = []struct {
	name string
	proxytest.Load
}{
	{"1conns", proxytest.Load{Users: 1}},
	{"32conns", proxytest.Load{Users: 32}},
	{"32conns-2k", proxytest.Load{Users: 32, Rate: 2000}},
}

const (
	haproxy = "/usr/sbin/haproxy"
	nginx   = "/usr/sbin/nginx"

	// also names a variable with further proxies to compare, as name=program[,…]: ours of another commit, say.
	also = "BENCH_ALSO"
)

// lab holds the processes.
type lab struct {
	b     *testing.B
	group *child.Group
	dir   string
	self  string
}

func newLab(b *testing.B) *lab {
	b.Helper()
	group, err := child.NewGroup(context.Background(), child.Options{OnLine: func(name, line string) {
		if os.Getenv("BENCH_VERBOSE") != "" {
			fmt.Fprintln(os.Stderr, name, line)
		}
	}})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, group.Close()) })
	self, err := os.Executable()
	require.NoError(b, err)
	return &lab{b, group, b.TempDir(), self}
}

// sides starts everything, for answers of n bytes.
func (l *lab) sides(n int) []*proxytest.Side {
	direct := l.ourselves("backend", fmt.Sprintf("%s=%d", size, n))
	direct.Name = "direct"
	all := []*proxytest.Side{direct, l.ourselves("bare", behind+"="+direct.Addr), l.ourselves("proxy", l.settings(direct.Addr)...),
		l.haproxy(direct.Addr), l.nginx(direct.Addr)}
	for other := range strings.SplitSeq(os.Getenv(also), ",") {
		if name, path, ok := strings.Cut(other, "="); ok {
			addr := l.addr()
			env := append(l.settings(direct.Addr), "GOMAXPROCS=1", listen+"="+addr)
			all = append(all, l.start(name, addr, child.Spec{Path: path, Env: env, InheritEnv: true}))
		}
	}
	return all
}

// ourselves starts the test binary in a role.
func (l *lab) ourselves(as string, env ...string) *proxytest.Side {
	addr := l.addr()
	env = append(env, "GOMAXPROCS=1", role+"="+as, listen+"="+addr)
	if dir := os.Getenv(profile); dir != "" {
		env = append(env, profile+"="+filepath.Join(dir, as+".pprof"))
	}
	return l.start(as, addr, child.Spec{Path: l.self, Env: env, InheritEnv: true})
}

// settings are those of the proxy that it has no default for.
func (l *lab) settings(to string) []string {
	file := l.file("backends.yaml", "backends: [{name: a, version: '1', url: 'http://%s', health: {path: /, healthy: 1}}]", to)
	return []string{"BACKENDS_FILE=" + file, "ADMIN_ADDR=" + l.addr()}
}

func (l *lab) haproxy(to string) *proxytest.Side {
	addr := l.addr()
	conf := l.file("haproxy.cfg", `
global
  nbthread 1
defaults
  mode http
  timeout connect 1s
  timeout client 30s
  timeout server 30s
  http-reuse always
frontend load
  bind %s
  default_backend all
backend all
  option forwardfor
  option httpchk GET /
  http-response set-header X-Served-By a
  server a %s check inter 5s
`, addr, to)
	return l.start("haproxy", addr, child.Spec{Path: haproxy, Args: []string{"-db", "-f", conf}})
}

func (l *lab) nginx(to string) *proxytest.Side {
	addr := l.addr()
	user := ""
	if os.Getuid() == 0 {
		user = "user root;"
	}
	conf := l.file("nginx.conf", `
daemon off;
master_process off;
%s
pid nginx.pid;
error_log stderr crit;
events { worker_connections 1024; }
http {
  access_log off;
  keepalive_requests 1000000;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  upstream all { server %s; keepalive 64; keepalive_requests 1000000; }
  server {
    listen %s;
    location / {
      proxy_pass http://all;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header X-Forwarded-For $remote_addr;
      add_header X-Served-By a;
    }
  }
}
`, user, to, addr)
	return l.start("nginx", addr, child.Spec{Path: nginx, Args: []string{"-c", conf, "-p", l.dir}})
}

// start starts a process and waits until it answers requests well.
func (l *lab) start(name, addr string, s child.Spec) *proxytest.Side {
	l.b.Helper()
	s.Name = name
	p, err := l.group.Start(s)
	require.NoError(l.b, err)
	l.b.Cleanup(func() { _, _ = p.Stop(context.Background(), 5*time.Second) })
	require.Eventually(l.b, func() bool {
		res, err := http.Get("http://" + addr + "/")
		return err == nil && res.Body.Close() == nil && res.StatusCode == http.StatusOK
	}, 20*time.Second, 10*time.Millisecond, "%s at %s does not answer (%s); BENCH_VERBOSE=1 shows what it says", name, addr, p.Exit())
	return &proxytest.Side{Name: name, Addr: addr, Process: p.PID()}
}

func (l *lab) addr() string {
	l.b.Helper()
	port, err := l.group.FreePort()
	require.NoError(l.b, err)
	return fmt.Sprintf("127.0.0.1:%d", port)
}

func (l *lab) file(name, format string, args ...any) string {
	l.b.Helper()
	path := filepath.Join(l.dir, name)
	require.NoError(l.b, os.WriteFile(path, []byte(fmt.Sprintf(format, args...)), 0o600))
	return path
}
