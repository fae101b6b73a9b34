package upstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/comeback-chaos/xk6-comeback/fakes/control"
	"github.com/comeback-chaos/xk6-comeback/fakes/port"
)

// TestMain lets the test binary be the upstream's process.
func TestMain(m *testing.M) {
	if socket := os.Getenv("UPSTREAM_TEST_SOCKET"); socket != "" {
		err := Run(context.Background(), Options{Socket: socket, Addr: os.Getenv("UPSTREAM_TEST_ADDR")})
		fmt.Fprintln(os.Stderr, err)
		if errors.Is(err, control.ErrLabGone) {
			os.Exit(4)
		}
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// book collects what upstreams tell.
type book struct {
	mu      sync.Mutex
	records []Record
	news    chan struct{} // closed and replaced at each record
	events  chan Event
}

func newBook() *book { return &book{news: make(chan struct{}), events: make(chan Event, 1000)} }

func (b *book) record(r Record) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.records = append(b.records, r)
	close(b.news)
	b.news = make(chan struct{})
}

// await returns the first record that is wanted.
func (b *book) await(t *testing.T, wanted func(Record) bool) Record {
	t.Helper()
	late := time.After(time.Minute)
	for {
		b.mu.Lock()
		records, news := b.records, b.news
		b.mu.Unlock()
		for _, r := range records {
			if wanted(r) {
				return r
			}
		}
		select {
		case <-news:
		case <-late:
			t.Fatalf("no such record: %+v", records)
		}
	}
}

func (b *book) ended(t *testing.T, id string) Record {
	t.Helper()
	return b.await(t, func(r Record) bool { return r.ID == id && !r.Ended.IsZero() })
}

func (b *book) came(t *testing.T, id string) Record {
	t.Helper()
	return b.await(t, func(r Record) bool { return r.ID == id })
}

func (b *book) event(t *testing.T) Event {
	t.Helper()
	select {
	case e := <-b.events:
		return e
	case <-time.After(time.Minute):
		t.Fatal("no rule acted")
		return Event{}
	}
}

// up is an upstream in this process.
type up struct {
	*Server
	*book
	caller
}

func listen(t *testing.T, s Script) *up {
	t.Helper()
	b := newBook()
	server, err := Listen(t.Context(), Config{Script: s, OnRecord: b.record, OnEvent: func(e Event) { b.events <- e }})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	return &up{server, b, caller{t, server.URL()}}
}

// caller asks an upstream.
type caller struct {
	t   *testing.T
	url string
}

type reply struct {
	status int
	header http.Header
	body   string
	err    error
}

var client = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func (c caller) ask(ctx context.Context, method, path, id string, headers ...string) reply {
	req, err := http.NewRequestWithContext(ctx, method, c.url+path, nil)
	if err != nil {
		return reply{err: err}
	}
	if id != "" {
		req.Header.Set(RequestID, id)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := client.Do(req)
	if err != nil {
		return reply{err: err}
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, res.Header, string(text), err}
}

func (c caller) get(path, id string, headers ...string) reply {
	return c.ask(c.t.Context(), http.MethodGet, path, id, headers...)
}

func later(f func() reply) chan reply {
	done := make(chan reply, 1)
	go func() { done <- f() }()
	return done
}

// rig is a lab with one upstream's process, which can be started again and again at one address.
type rig struct {
	Remote
	*book
	caller
	server *control.Server
	addr   string
}

func newRig(t *testing.T, s Script) *rig {
	t.Helper()
	r := &rig{book: newBook()}
	r.OnRecord = r.record
	r.OnEvent = func(e Event) { r.events <- e }
	require.NoError(t, r.Push(t.Context(), s))
	dir, err := os.MkdirTemp("", "up")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	held, err := port.Hold("127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, held.Close()) })
	r.addr = held.Addr()
	r.caller = caller{t, "http://" + r.addr}
	r.server, err = control.Listen(filepath.Join(dir, "private", "s"), control.Mux{Role: Remotes{Role: &r.Remote}}, nil)
	require.NoError(t, err)
	t.Cleanup(func() { r.server.Close() })
	return r
}

type proc struct {
	cmd    *exec.Cmd
	stderr bytes.Buffer
	ended  chan struct{}
}

// boot starts the process, and does not wait for it to listen.
func (r *rig) boot() *proc {
	r.t.Helper()
	p := &proc{cmd: exec.Command(os.Args[0]), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), "UPSTREAM_TEST_SOCKET="+r.server.Path(), "UPSTREAM_TEST_ADDR="+r.addr)
	p.cmd.Stderr = &p.stderr
	require.NoError(r.t, p.cmd.Start())
	go func() {
		defer close(p.ended)
		p.cmd.Wait()
	}()
	r.t.Cleanup(func() { p.kill() })
	return p
}

func (p *proc) kill() {
	p.cmd.Process.Kill()
	<-p.ended
}

func (p *proc) status() syscall.WaitStatus {
	<-p.ended
	ws, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok {
		panic("no wait status on this system")
	}
	return ws
}

// start boots an upstream and waits until it listens.
func (r *rig) start() *proc {
	r.t.Helper()
	p := r.boot()
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	addr, err := r.AwaitReady(ctx)
	require.NoError(r.t, err)
	require.Equal(r.t, r.addr, addr)
	return p
}
