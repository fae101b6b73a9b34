package remote

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/comeback-chaos/xk6-comeback/fakes/control"
	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A bell, which rings when a rule says so.
type bell struct {
	Tone  string `json:"tone,omitempty"`
	Rules []ring `json:"rules,omitempty"`
}

func (b bell) Check() error {
	if b.Tone == "wrong" {
		return fmt.Errorf("tone %q", b.Tone)
	}
	return nil
}

func (b bell) Split() (bell, []ring) {
	rules := b.Rules
	b.Rules = nil
	return b, rules
}

func (bell) Fake() string { return "bell" }

type ring struct {
	Name string `json:"name"`
	script.Turn
}

type rang struct {
	Pid  int    `json:"-"`
	Rule int    `json:"-"`
	Name string `json:"name"`
}

func (e rang) From(pid, rule int) rang { return rang{pid, rule, e.Name} }

type process = Process[bell, ring, rang]

// fakeBell keeps what it was told.
type fakeBell struct {
	*process
	tones []string // the process itself keeps them from meeting
}

func (b *fakeBell) Apply(s bell) { b.tones = append(b.tones, s.Tone) }

func (b *fakeBell) Serve(ctx context.Context) error {
	if err := b.Ready("127.0.0.1:1"); err != nil {
		return err
	}
	<-ctx.Done()
	return context.Cause(ctx)
}

func (b *fakeBell) tone() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.tones[len(b.tones)-1]
}

// pull rings by the first rule whose turn it is.
func (b *fakeBell) pull() string {
	a := b.Rules.Pick(func(*ring) bool { return true })
	if a == nil {
		return ""
	}
	b.Acts(a, rang{Name: a.Rule.Name})
	return a.Rule.Name
}

type rig struct {
	Remote[bell, ring, rang]
	t      *testing.T
	server *control.Server
	events chan rang
}

func newRig(t *testing.T) *rig {
	r := &rig{t: t, events: make(chan rang, 100)}
	r.OnEvent = func(e rang) { r.events <- e }
	dir, err := os.MkdirTemp("", "bell")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	r.server, err = control.Listen(filepath.Join(dir, "private", "s"), control.Mux{"bell": &r.Remote}, nil)
	require.NoError(t, err)
	t.Cleanup(func() { r.server.Close() })
	return r
}

// start runs a bell and returns when it listens; end ends it and gives its error.
func (r *rig) start() (b *fakeBell, end func() error) {
	r.t.Helper()
	b = &fakeBell{}
	ctx, cancel := context.WithCancel(r.t.Context())
	done := make(chan error, 1)
	go func() {
		done <- Run(ctx, r.server.Path(), control.Hello{Role: "bell"}, nil, func(_ context.Context, p *process) Fake[bell] {
			b.process = p
			return b
		})
	}()
	addr, err := r.AwaitReady(r.t.Context())
	require.NoError(r.t, err)
	require.Equal(r.t, "127.0.0.1:1", addr)
	return b, func() error { cancel(); return <-done }
}

// A rule that stays keeps its count over restarts, its matches before its turn included.
func TestTurnsAreCountedOverRestarts(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	require.NoError(t, r.Push(t.Context(), bell{Tone: "a", Rules: []ring{{Name: "late", Turn: script.Turn{Nth: 3, Times: 1}}}}))
	b, end := r.start()
	require.Equal(t, "a", b.tone())
	require.Empty(t, b.pull())
	require.NoError(t, r.Push(t.Context(), bell{Tone: "b", Rules: []ring{{Name: "late", Turn: script.Turn{Nth: 3, Times: 1}}}}))
	require.Equal(t, "b", b.tone())
	require.Empty(t, b.pull(), "a new script begins anew")
	require.NoError(t, end())

	b, end = r.start()
	a, err := r.Add(t.Context(), ring{Name: "always"})
	require.NoError(t, err)
	require.Equal(t, "always", b.pull(), "the second match of the rule before it")
	require.Equal(t, "late", b.pull())
	require.NoError(t, end())

	b, end = r.start()
	require.Equal(t, "always", b.pull())
	for _, want := range []rang{{Rule: 1, Name: "always"}, {Rule: 0, Name: "late"}, {Rule: 1, Name: "always"}} {
		want.Pid = os.Getpid()
		require.Equal(t, want, <-r.events)
	}
	<-a.Hit()
	require.Equal(t, 2, a.Hits())
	require.NoError(t, a.Remove(t.Context()))
	require.Empty(t, b.pull(), "one rule was taken out, the other has had its turn")
	require.NoError(t, end())
}

func TestRemovedRuleStillTells(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	b, end := r.start()
	a, err := r.Add(t.Context(), ring{Name: "gone"})
	require.NoError(t, err)
	armed := b.Rules.Pick(func(*ring) bool { return true })
	require.NoError(t, a.Remove(t.Context()))
	<-armed.Gone()
	b.Acts(armed, rang{Name: "gone"})
	require.Equal(t, rang{Pid: os.Getpid(), Rule: -1, Name: "gone"}, <-r.events)
	require.NoError(t, end())
}

func TestOlderStateComesLate(t *testing.T) {
	t.Parallel()
	p := &process{}
	b := &fakeBell{process: p}
	rule := func(id int) ruleNow[ring] { return ruleNow[ring]{ID: id, Rule: ring{Name: fmt.Sprint(id)}} }
	p.take(b, state[bell, ring]{Seq: 3, Rules: []ruleNow[ring]{rule(1), rule(2)}})
	p.take(b, state[bell, ring]{Seq: 2, Rules: []ruleNow[ring]{rule(9)}})
	require.Len(t, p.ids, 2)
	require.Len(t, b.tones, 1)
}

func TestWhatTheLabDoesNotKnow(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c, err := control.Dial(t.Context(), r.server.Path(), control.Hello{Role: "bell"})
	require.NoError(t, err)
	defer c.Close()
	_, err = c.Receive()
	require.NoError(t, err)
	require.NoError(t, c.Send("song", 1))
	m, err := c.Receive()
	require.NoError(t, err)
	require.Equal(t, "error", m.Type)
	require.Contains(t, string(m.Body), `bell said \"song\"`)
}

func TestMessages(t *testing.T) {
	t.Parallel()
	var r Remote[bell, ring, rang]
	p := &peer{conn: &control.Conn{}}
	heard := ""
	hear := func(kind, body string) error {
		m := control.Message{Type: kind, Body: json.RawMessage(body)}
		return r.hear(p, m, func(m control.Message) error { heard = m.Type; return nil })
	}
	require.NoError(t, hear("song", `1`))
	require.Equal(t, "song", heard)
	require.Error(t, hear(msgActs, `{"id":1,"event":{"wrong":1}}`))
	require.Error(t, hear(msgReady, `1`))
}

func TestBadScriptIsRefused(t *testing.T) {
	t.Parallel()
	var r Remote[bell, ring, rang]
	require.ErrorContains(t, r.Push(t.Context(), bell{Tone: "wrong"}), `bell script: tone "wrong"`)
	_, err := r.Add(t.Context(), ring{Turn: script.Turn{Nth: -1}})
	require.ErrorContains(t, err, "bell rule: ")
}

func TestProcessEndsWithTheLab(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	done := make(chan error, 1)
	go func() {
		done <- Run(t.Context(), r.server.Path(), control.Hello{Role: "bell"}, nil, func(_ context.Context, p *process) Fake[bell] {
			return &fakeBell{process: p}
		})
	}()
	_, err := r.AwaitReady(t.Context())
	require.NoError(t, err)
	require.NoError(t, r.server.Close())
	require.ErrorIs(t, <-done, control.ErrLabGone)
}

// A fake that has listened, but is dead though nobody has noticed yet, is not taken for its successor.
func TestReadyIsTheOneThatAnswers(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	join := func() *control.Conn {
		c, err := control.Dial(ctx, r.server.Path(), control.Hello{Role: "bell"})
		require.NoError(t, err)
		m, err := c.Receive()
		require.NoError(t, err)
		require.Equal(t, msgScript, m.Type)
		return c
	}
	dead := join()
	require.NoError(t, dead.Send(msgReady, "dead:1"))
	ready := make(chan string, 1)
	go func() {
		addr, err := r.AwaitReady(ctx)
		if err != nil {
			t.Error(err)
		}
		ready <- addr
	}()
	_, err := dead.Receive()
	require.NoError(t, err, "it is asked whether it is alive")
	require.NoError(t, dead.Close())

	alive := join()
	require.NoError(t, alive.Send(msgReady, "alive:1"))
	m, err := alive.Receive()
	require.NoError(t, err)
	var s state[bell, ring]
	require.NoError(t, m.Into(&s))
	require.Empty(t, ready)
	require.NoError(t, alive.Send(msgApplied, s.Seq))
	require.Equal(t, "alive:1", <-ready)
}
