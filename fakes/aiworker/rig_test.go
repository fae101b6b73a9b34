package aiworker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/comeback-chaos/xk6-comeback/fakes/control"
	"github.com/comeback-chaos/xk6-comeback/fakes/port"
)

// TestMain lets the test binary be the worker's process.
func TestMain(m *testing.M) {
	if socket := os.Getenv("AIWORKER_TEST_SOCKET"); socket != "" {
		err := Run(context.Background(), Options{Socket: socket, Addr: os.Getenv("AIWORKER_TEST_ADDR")})
		fmt.Fprintln(os.Stderr, err)
		if errors.Is(err, control.ErrLabGone) {
			os.Exit(3)
		}
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// rig is a lab with one worker, which can be started again and again at one address.
type rig struct {
	Remote
	t      testing.TB
	server *control.Server
	addr   string
	events chan Event
	client *http.Client
}

func newRig(t testing.TB, s Script) *rig {
	t.Helper()
	r := &rig{t: t, events: make(chan Event, 1000), client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	r.OnEvent = func(e Event) { r.events <- e }
	require.NoError(t, r.Push(t.Context(), s))
	dir, err := os.MkdirTemp("", "ai")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	held, err := port.Hold("127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, held.Close()) })
	r.addr = held.Addr()
	r.server, err = control.Listen(filepath.Join(dir, "private", "s"), control.Mux{Role: &r.Remote}, nil)
	require.NoError(t, err)
	t.Cleanup(func() { r.server.Close() })
	return r
}

type worker1 struct {
	cmd    *exec.Cmd
	stderr bytes.Buffer
	ended  chan struct{}
}

// boot starts the process, and does not wait for it to listen.
func (r *rig) boot() *worker1 {
	r.t.Helper()
	p := &worker1{cmd: exec.Command(os.Args[0]), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), "AIWORKER_TEST_SOCKET="+r.server.Path(), "AIWORKER_TEST_ADDR="+r.addr)
	p.cmd.Stderr = &p.stderr
	require.NoError(r.t, p.cmd.Start())
	go func() {
		defer close(p.ended)
		p.cmd.Wait()
	}()
	r.t.Cleanup(func() { p.kill() })
	return p
}

func (p *worker1) kill() {
	p.cmd.Process.Kill()
	<-p.ended
}

func (p *worker1) status() syscall.WaitStatus {
	<-p.ended
	ws, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok {
		panic("no wait status on this system")
	}
	return ws
}

// start boots a worker and waits until it listens.
func (r *rig) start() *worker1 {
	r.t.Helper()
	p := r.boot()
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	addr, err := r.AwaitReady(ctx)
	require.NoError(r.t, err)
	require.Equal(r.t, r.addr, addr)
	return p
}

type reply struct {
	status int
	body   string
	err    error
}

func (r *rig) ask(ctx context.Context, method, path, msg, body string) reply {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+r.addr+path, strings.NewReader(body))
	if err != nil {
		return reply{err: err}
	}
	if msg != "" {
		req.Header.Set(RequestID, msg)
	}
	res, err := r.client.Do(req)
	if err != nil {
		return reply{err: err}
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, string(text), err}
}

// job asks for an image.
func (r *rig) job(msg string) reply {
	return r.ask(r.t.Context(), "POST", "/sdapi/v1/txt2img", msg, `{"prompt":"a cat for `+msg+`","steps":4}`)
}

func (r *rig) later(f func() reply) chan reply {
	done := make(chan reply, 1)
	go func() { done <- f() }()
	return done
}

// image is the first one of an answer.
func (a reply) image(t *testing.T) []byte {
	t.Helper()
	require.NoError(t, a.err)
	require.Equal(t, 200, a.status, a.body)
	var res result
	require.NoError(t, json.Unmarshal([]byte(a.body), &res))
	require.Len(t, res.Images, 1)
	return res.Images[0]
}

// event is the next thing that a rule did.
func (r *rig) event() Event {
	r.t.Helper()
	select {
	case e := <-r.events:
		return e
	case <-time.After(time.Minute):
		r.t.Fatal("no rule acted")
		return Event{}
	}
}
