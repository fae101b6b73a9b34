package asgi

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/comeback-chaos/xk6-comeback/fakes/port"
	"github.com/comeback-chaos/xk6-comeback/fakes/script"
	"github.com/comeback-chaos/xk6-comeback/fakes/upstream"
)

const unsupported = "ASGI 'lifespan' protocol appears unsupported."

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is one that runs, or has.
type server struct {
	t     *testing.T
	url   string
	cmd   *exec.Cmd
	ended chan struct{}

	mu  sync.Mutex
	out strings.Builder
}

func (s *server) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.Write(p)
}

func (s *server) log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.String()
}

func start(t *testing.T, how Server) *server {
	t.Helper()
	if err := Missing(); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	require.NoError(t, Write(dir))
	held, err := port.Hold("127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, held.Close()) })
	c, err := how.Command(dir, held.Addr())
	require.NoError(t, err)
	s := &server{t: t, url: "http://" + held.Addr(), cmd: exec.Command(c.Path, c.Args...), ended: make(chan struct{})}
	s.cmd.Dir, s.cmd.Env = c.Dir, append(s.cmd.Environ(), c.Env...)
	s.cmd.Stdout, s.cmd.Stderr = s, s
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	require.NoError(t, s.cmd.Start())
	go func() {
		defer close(s.ended)
		s.cmd.Wait()
	}()
	t.Cleanup(func() {
		syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
		<-s.ended
	})
	return s
}

// exit is the code that the server ended with by itself.
func (s *server) exit() int {
	s.t.Helper()
	select {
	case <-s.ended:
	case <-time.After(time.Minute):
		s.t.Fatalf("still running: %s", s.log())
	}
	return s.cmd.ProcessState.ExitCode()
}

func (s *server) stop() int {
	require.NoError(s.t, s.cmd.Process.Signal(syscall.SIGTERM))
	return s.exit()
}

var client = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func (s *server) get(path, id string) (*http.Response, string, error) {
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url+path, nil)
	require.NoError(s.t, err)
	req.Header.Set(upstream.RequestID, id)
	req.Header.Set("Authorization", "Bearer ada")
	res, err := client.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return res, string(body), err
}

// ready waits until the server answers, and until all that it said before has been read.
func (s *server) ready() {
	s.t.Helper()
	before := len(s.records("probe"))
	require.Eventually(s.t, func() bool {
		_, _, err := s.get("/healthz", "probe")
		return err == nil
	}, time.Minute, 20*time.Millisecond, "no answer")
	require.Eventually(s.t, func() bool { return len(s.records("probe")) > before }, time.Minute, time.Millisecond)
}

// records is the ledger of a request.
func (s *server) records(id string) (list []upstream.Record) {
	for line := range strings.SplitSeq(s.log(), "\n") {
		r, ok, err := Ledger(line)
		require.NoError(s.t, err)
		if ok && r.ID == id {
			list = append(list, r)
		}
	}
	return list
}

func TestBothAppsAnswer(t *testing.T) {
	t.Parallel()
	for _, app := range []string{Plain, Django} {
		t.Run(app, func(t *testing.T) {
			t.Parallel()
			s := start(t, Server{App: app, Name: "b", Version: "7", Swagger: 301})
			s.ready()
			res, body, err := s.get("/swagger", "m1")
			require.NoError(t, err)
			require.Equal(t, 301, res.StatusCode)
			require.Equal(t, []string{"7", "b", "m1"}, []string{res.Header.Get(upstream.VersionHeader), res.Header.Get(upstream.BackendHeader), res.Header.Get(upstream.RequestID)})
			require.Contains(t, body, `"user": "ada"`)
			res, _, err = s.get("/nothing", "m2")
			require.NoError(t, err)
			require.Equal(t, 404, res.StatusCode)
			begin := time.Now()
			_, _, err = s.get("/work?cpu=50", "m3")
			require.NoError(t, err)
			require.GreaterOrEqual(t, time.Since(begin), 50*time.Millisecond)
			begin = time.Now()
			_, _, err = s.get("/slow?ms=50", "m4")
			require.NoError(t, err)
			require.GreaterOrEqual(t, time.Since(begin), 50*time.Millisecond)
			require.Eventually(t, func() bool { return len(s.records("m1")) == 2 }, time.Minute, time.Millisecond)
			r := s.records("m1")[1]
			require.Equal(t, upstream.Record{Pid: s.cmd.Process.Pid, N: r.N, ID: "m1", Method: "GET", Path: "/swagger", User: "ada", Version: "7",
				Came: r.Came, Began: r.Began, Ended: r.Ended, Status: 301, Bytes: int64(len(body))}, r)
			require.False(t, r.Ended.Before(r.Came))
			require.Zero(t, s.records("m1")[0].Ended)
			require.Equal(t, 0, s.stop(), "SIGTERM is a graceful stop")
		})
	}
}

// What each way to say a lifespan mode does with an app that knows none: C4.
func TestLifespan(t *testing.T) {
	t.Parallel()
	const failed = "Exception in 'lifespan' protocol"
	for _, c := range []struct {
		how  Server
		exit int    // of a server that does not start; 0: it serves
		says string // in its log; "": nothing of a lifespan
	}{
		{Server{}, 0, unsupported},
		{Server{Lifespan: "auto"}, 0, unsupported},
		{Server{Lifespan: "off"}, 0, ""},
		{Server{Lifespan: "on"}, 3, failed},
		{Server{Lifespan: "off", By: ByEnv}, 0, ""},
		{Server{Lifespan: "on", By: ByEnv}, 3, failed},
		{Server{Gunicorn: true}, 0, unsupported},
		{Server{Gunicorn: true, Lifespan: "off"}, 2, "unrecognized arguments: --lifespan off"},
		{Server{Gunicorn: true, Lifespan: "on"}, 2, "unrecognized arguments: --lifespan on"},
		{Server{Gunicorn: true, Lifespan: "off", By: ByEnv}, 0, unsupported},
		{Server{Gunicorn: true, Lifespan: "on", By: ByEnv}, 0, unsupported},
		{Server{Gunicorn: true, Lifespan: "off", By: ByWorker}, 0, ""},
		{Server{Gunicorn: true, Lifespan: "on", By: ByWorker}, 3, failed},
		{Server{App: Django}, 0, unsupported},
		{Server{App: Django, Lifespan: "on"}, 3, "Django can only handle ASGI/HTTP connections, not lifespan."},
		{Server{App: Django, Gunicorn: true}, 0, unsupported},
	} {
		t.Run(fmt.Sprintf("%s gunicorn %v %s %s", c.how.App, c.how.Gunicorn, c.how.Lifespan, c.how.By), func(t *testing.T) {
			s := start(t, c.how)
			if c.exit == 0 {
				s.ready()
			} else {
				require.Equal(t, c.exit, s.exit())
			}
			if c.says == "" {
				require.NotContains(t, s.log(), "lifespan")
			} else {
				require.Contains(t, s.log(), c.says)
			}
		})
	}
}

// A worker that gives no sign of life is killed; its request has a begin and no end, the next is served.
func TestWorkerTimeout(t *testing.T) {
	t.Parallel()
	for _, app := range []string{Plain, Django} {
		t.Run(app, func(t *testing.T) {
			t.Parallel()
			s := start(t, Server{App: app, Gunicorn: true, Timeout: script.Duration(2 * time.Second)})
			s.ready()
			begin := time.Now()
			_, _, err := s.get("/stuck?ms=60000", "m1")
			require.ErrorIs(t, err, io.EOF)
			t.Logf("killed after %v", time.Since(begin))
			s.ready()
			require.Contains(t, s.log(), "[CRITICAL] WORKER TIMEOUT (pid:")
			require.Len(t, s.records("m1"), 1)
			require.Zero(t, s.records("m1")[0].Ended)
			require.NotEqual(t, s.records("m1")[0].Pid, s.records("probe")[len(s.records("probe"))-1].Pid)
			require.Equal(t, 0, s.stop())
		})
	}
}

// Work in a thread beside the event loop is no reason to kill the worker.
func TestWorkBesideTheLoopOutlivesTheTimeout(t *testing.T) {
	t.Parallel()
	s := start(t, Server{App: Django, Gunicorn: true, Timeout: script.Duration(5 * time.Second)})
	s.ready()
	booted := len(s.log()) // the worker's clock runs while it loads the app, and that may take too long
	res, _, err := s.get("/work?cpu=7000", "m1")
	require.NoError(t, err)
	require.Equal(t, 200, res.StatusCode)
	require.NotContains(t, s.log()[booted:], "WORKER TIMEOUT")
}

func TestMigration(t *testing.T) {
	t.Parallel()
	begin := time.Now()
	const length = 3 * time.Second // long enough to ask while it lasts
	s := start(t, Server{Migrate: script.Duration(length), Workers: 2})
	_, _, err := s.get("/", "m1")
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	s.ready()
	require.GreaterOrEqual(t, time.Since(begin), length)
	require.Contains(t, s.log(), "Running migrations:")
	require.Equal(t, 0, s.stop(), "the signal reaches the server")

	s = start(t, Server{Gunicorn: true, BadExit: 7})
	require.Equal(t, 7, s.exit())
	require.NotContains(t, s.log(), "gunicorn")
}

func TestCommand(t *testing.T) {
	t.Parallel()
	c, err := Server{App: Django, Gunicorn: true, Workers: 2, Timeout: script.Duration(300 * time.Second)}.Command("/run", "127.0.0.1:80")
	require.NoError(t, err)
	require.Equal(t, "/usr/bin/gunicorn web:application -b 127.0.0.1:80 -w 2 -k uvicorn.workers.UvicornWorker --timeout 300", c.Path+" "+strings.Join(c.Args, " "))
	require.Equal(t, "/run", c.Dir)
	_, err = Server{}.Command("/run", "80")
	require.ErrorContains(t, err, "host:port")
	_, err = Server{App: "flask"}.Command("/run", "127.0.0.1:80")
	require.ErrorContains(t, err, "flask")
}

func TestServerErrors(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"ap":"plain"}`:                         "ap",
		`{"app":"flask"}`:                        "flask",
		`{"workers":-1}`:                         "workers",
		`{"timeout":"2s"}`:                       "only gunicorn",
		`{"gunicorn":true,"timeout":"2.5s"}`:     "whole seconds",
		`{"lifespan":"maybe"}`:                   "auto, on or off",
		`{"by":"env"}`:                           "is told by",
		`{"lifespan":"on","by":"mail"}`:          "is told by",
		`{"lifespan":"on","by":"worker"}`:        "only gunicorn",
		`{"swagger":42}`:                         "swagger",
		`{"badExit":256}`:                        "badExit",
		`{"migrate":"1h"}`:                       "migrate",
		`{"gunicorn":true,"migrate":"-1s"}`:      "migrate",
		`{"gunicorn":true,"lifespan":"on"} true`: "",
	} {
		var s Server
		require.ErrorContains(t, json.Unmarshal([]byte(in), &s), want, in)
	}
}

func TestMissing(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, missing([]string{"/no/such/gunicorn"}, nil), "missing: /no/such/gunicorn (apt-get install")
	if err := Missing(); err != nil {
		t.Skip(err)
	}
	require.ErrorContains(t, missing(nil, []string{"django", "rails"}), "missing: the module rails of /usr/bin/python3")
}

func TestLedgerLines(t *testing.T) {
	t.Parallel()
	_, ok, err := Ledger("INFO: Started")
	require.False(t, ok)
	require.NoError(t, err)
	_, ok, err = Ledger(`ledger {"pid":1`)
	require.False(t, ok)
	require.ErrorContains(t, err, "malformed")
}

// What all workers share is changed by one at a time, and takes longer the more of them there are.
func TestShared(t *testing.T) {
	t.Parallel()
	for _, app := range []string{Plain, Django} {
		t.Run(app, func(t *testing.T) {
			t.Parallel()
			s := start(t, Server{App: app, Gunicorn: true, Workers: 3})
			s.ready()
			var wg sync.WaitGroup
			begin := time.Now()
			for i := range 8 {
				wg.Go(func() {
					res, _, err := s.get("/shared?lock=20&peer=15", fmt.Sprintf("m%d", i))
					assert.NoError(t, err)
					assert.Equal(t, 200, res.StatusCode)
				})
			}
			wg.Wait()
			// 50 ms each on average; what these ids draw comes to 188 ms, and to less only for several at a time.
			require.GreaterOrEqual(t, time.Since(begin), 185*time.Millisecond)
		})
	}
}
