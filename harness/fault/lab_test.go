package fault

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/fakes/alertsink"
	"github.com/comeback-chaos/xk6-comeback/fakes/apisink"
	"github.com/comeback-chaos/xk6-comeback/fakes/hooks"
	"github.com/comeback-chaos/xk6-comeback/fakes/hostmem"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/wire"
)

// bench is a Lab whose events the test makes.
type bench struct {
	Lab
	host   *hostmem.Fixture
	desk   hooks.Desk
	worker fakeWorker
	wires  []*wire.Wire
	api    *apisink.Sink
	alerts *alertsink.Sink
	dir    string

	backends []Backend
	targets  []*benchTarget // the first is "consumer/0", whose connection is 4

	mu      sync.Mutex
	events  []history.Event
	watches map[*benchWatch]bool
	claimed map[string]bool
	starts  int // of the target
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{dir: t.TempDir(), watches: map[*benchWatch]bool{}, claimed: map[string]bool{}}
	b.targets = []*benchTarget{{b: b, name: "consumer/0", conn: 4}}
	b.host = hostmem.New(filepath.Join(b.dir, "host"))
	require.NoError(t, b.host.Set(hostmem.OK()))
	t.Cleanup(func() {
		require.NoError(t, b.host.Close())
		require.Empty(t, b.watches, "a watch was left")
		require.Empty(t, b.claimed, "a claim was left")
	})
	return b
}

func (b *bench) Record(e *history.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events = append(b.events, *e)
	for w := range b.watches {
		if w.want(e) {
			w.events <- *e
		}
	}
}

func (b *bench) Watch(want func(*history.Event) bool) Watch {
	w := &benchWatch{b: b, want: want, events: make(chan history.Event, 100)}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.watches[w] = true
	return w
}

func (b *bench) Claim(what string) (func(), error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.claimed[what] {
		return nil, fmt.Errorf("%s: claimed", what)
	}
	b.claimed[what] = true
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.claimed, what)
	}, nil
}

func (b *bench) Role(conn uint32) string {
	return map[uint32]string{1: "load", 2: "consumer/1", 3: "consumers/0", 4: "consumer/0"}[conn]
}
func (b *bench) Wires() []*wire.Wire         { return b.wires }
func (b *bench) Worker() Worker              { return &b.worker }
func (b *bench) Hooks() *hooks.Desk          { return &b.desk }
func (b *bench) HookPath(hook string) string { return filepath.Join(b.dir, hook) }
func (b *bench) Host() *hostmem.Fixture      { return b.host }
func (b *bench) API() *apisink.Sink          { return b.api }
func (b *bench) Alerts() *alertsink.Sink     { return b.alerts }
func (b *bench) Targets() []Target {
	if len(b.targets) == 0 {
		return []Target{&benchTarget{b: b, name: "consumer/0"}}
	}
	var all []Target
	for _, t := range b.targets {
		all = append(all, t)
	}
	return all
}
func (b *bench) Backends() []Backend { return b.backends }
func (b *bench) Seed() uint64        { return 1 }

type benchWatch struct {
	b      *bench
	want   func(*history.Event) bool
	events chan history.Event
}

func (w *benchWatch) Next(ctx context.Context) (history.Event, error) {
	select {
	case e := <-w.events: // though ctx be over
		return e, nil
	default:
	}
	select {
	case e := <-w.events:
		return e, nil
	case <-ctx.Done():
		return history.Event{}, context.Cause(ctx)
	}
}

func (w *benchWatch) Close() {
	w.b.mu.Lock()
	defer w.b.mu.Unlock()
	delete(w.b.watches, w)
}

// benchTarget is an instance whose process runs, stands still, or has ended.
type benchTarget struct {
	b    *bench
	name string
	conn uint32 // its connection, as Role has it
	code int    // of Terminate
	deaf bool   // to SIGSTOP

	mu     sync.Mutex
	ended  bool
	paused bool
	full   bool     // its disk
	used   []string // what it was started from
	next   string
	notUp  error // what Ready says
}

func (t *benchTarget) Name() string { return t.name }

func (t *benchTarget) State() string { return filepath.Join(t.b.dir, "state") }

func (t *benchTarget) Fill() (func() error, error) {
	if t.deaf {
		return nil, errors.New("it does not run")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.full = true
	return func() error {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.full = false
		return nil
	}, nil
}

func (t *benchTarget) end() {
	t.mu.Lock()
	t.ended, t.paused = true, false
	t.mu.Unlock()
	t.b.Record(&history.Event{Kind: history.ConnClose, Conn: t.conn})
}

func (t *benchTarget) Stop(context.Context) error { t.end(); return nil }
func (t *benchTarget) Kill(context.Context) error { t.end(); return nil }

func (t *benchTarget) Terminate(context.Context) (int, error) {
	if !t.Running() {
		return 0, os.ErrProcessDone
	}
	t.end()
	return t.code, nil
}

func (t *benchTarget) Pause() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.deaf {
		return errors.New("it does not stand still")
	}
	t.paused = true
	return nil
}

func (t *benchTarget) Resume() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.paused = false
	return nil
}

func (t *benchTarget) Running() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.ended
}

func (t *benchTarget) Paused() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.paused
}

func (t *benchTarget) Use(entry string) error {
	if entry == "nobody" {
		return errors.New("no target \"nobody\"")
	}
	t.next = entry
	return nil
}

func (t *benchTarget) Ready(context.Context) error { return t.notUp }

func (t *benchTarget) ExpectExit(string, time.Duration) (Ending, error) {
	return nil, errors.New("not here")
}

func (t *benchTarget) Start(context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b.starts++
	if t.ended {
		t.used = append(t.used, t.next)
	}
	t.ended = false
	return nil
}

// fakeWorker serves, or does not.
type fakeWorker struct {
	Worker
	mu     sync.Mutex
	dead   bool
	starts int
}

func (w *fakeWorker) Serve(context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dead {
		return errors.New("connection refused")
	}
	return nil
}

func (w *fakeWorker) Revive(context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dead, w.starts = false, w.starts+1
	return nil
}

func (w *fakeWorker) Kill() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dead = true
	return nil
}
