package upstream

import (
	"context"
	"encoding/json"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/fakes/control"
	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

func TestProcess(t *testing.T) {
	t.Parallel()
	r := newRig(t, Script{Version: "2", Rules: []Rule{{Do: Fail, Status: 503, Turn: script.Turn{Nth: 2, Times: 1}}}})
	p := r.start()
	require.Equal(t, 200, r.get("/", "m1", "Authorization", "Bearer ada").status)
	require.Equal(t, 503, r.get("/", "m2").status)
	require.Equal(t, 200, r.get("/", "m3").status)
	pid := p.cmd.Process.Pid
	require.Equal(t, Event{Backend: "upstream", Pid: pid, Do: Fail, ID: "m2", Code: 503, Text: "answers 503"}, r.event(t))
	got := r.ended(t, "m1")
	require.Equal(t, Record{Backend: "upstream", Pid: pid, N: 1, ID: "m1", Method: "GET", Path: "/", User: "ada", Version: "2",
		Came: got.Came, Began: got.Began, Ended: got.Ended, Status: 200, Bytes: got.Bytes}, got)
	require.NoError(t, r.Push(t.Context(), Script{Version: "3"}))
	require.Equal(t, "3", r.get("/", "m4").header.Get(VersionHeader))
}

// A request that the process died of is in the ledger, without an end; turns go on in the next process.
func TestOutOfMemory(t *testing.T) {
	t.Parallel()
	r := newRig(t, Script{Rules: []Rule{{Do: OOM, Turn: script.Turn{Nth: 2, Times: 1}}, {Do: Crash, Match: "m3"}}})
	p := r.start()
	require.Equal(t, 200, r.get("/", "m1").status)
	require.Error(t, r.get("/", "m2").err)
	require.Equal(t, syscall.SIGKILL, p.status().Signal())
	require.Equal(t, "m2", r.came(t, "m2").ID)
	e := r.event(t)
	require.Equal(t, []any{OOM, 137, 0, "m2"}, []any{e.Do, e.Code, e.Rule, e.ID})
	require.ErrorIs(t, r.get("/", "m2").err, syscall.ECONNREFUSED)

	p = r.start()
	require.Equal(t, 200, r.get("/", "m2").status)
	require.Error(t, r.get("/", "m3").err)
	require.Equal(t, 3, p.status().ExitStatus())
	require.Equal(t, "exits with 3", r.event(t).Text)
}

// An upstream that is told to stop drops what is under way, and says so.
func TestLastWords(t *testing.T) {
	t.Parallel()
	r := newRig(t, Script{Rules: []Rule{{Do: Hang, Match: "m1"}}})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Run(ctx, Options{Socket: r.server.Path(), Addr: r.addr}) }()
	_, err := r.AwaitReady(t.Context())
	require.NoError(t, err)
	dropped := later(func() reply { return r.get("/", "m1") })
	r.event(t)
	cancel()
	require.NoError(t, <-done)
	require.Error(t, (<-dropped).err)
	require.Zero(t, r.ended(t, "m1").Status)
}

// What a caller writes into a request cannot be longer than the lab takes.
func TestLongWords(t *testing.T) {
	t.Parallel()
	r := newRig(t, Script{Latency: brief})
	r.start()
	long := strings.Repeat("<", 100_000) // six bytes each in JSON
	a := r.get("/"+strings.Repeat("%3C", 1000), long, "Authorization", "Bearer "+long)
	require.NoError(t, a.err)
	require.Equal(t, long, a.header.Get(RequestID))
	got := r.ended(t, long[:512])
	require.Len(t, got.Path, 512)
	line, err := json.Marshal(got)
	require.NoError(t, err)
	require.Less(t, maxBatch*len(line), control.MaxLine, "a whole batch of such")
}

func TestBoot(t *testing.T) {
	t.Parallel()
	r := newRig(t, Script{Rules: []Rule{
		{On: OnBoot, Do: Refuse, Turn: script.Turn{Times: 1}},
		{On: OnBoot, Do: SlowBoot, Delay: script.Duration(script.MaxDelay), Turn: script.Turn{Times: 1}},
	}})
	p := r.boot()
	require.Equal(t, 1, p.status().ExitStatus())
	require.Contains(t, p.stderr.String(), ErrRefused.Error())
	require.Equal(t, Refuse, r.event(t).Do)
	r.boot()
	require.Equal(t, SlowBoot, r.event(t).Do)
	require.ErrorIs(t, r.get("/", "").err, syscall.ECONNREFUSED)
	require.NoError(t, r.Push(t.Context(), Script{}))
	_, err := r.AwaitReady(t.Context())
	require.NoError(t, err)
	require.Equal(t, 200, r.get("/", "").status)
}

func TestProcessEndsWithTheLab(t *testing.T) {
	t.Parallel()
	for name, rule := range map[string]Rule{
		"serving":         {Do: Fail, Match: "nobody"},
		"hanging":         {Do: Hang},
		"stuck":           {Do: Deadlock},
		"spinning":        {Do: Spiral, Delay: script.Duration(1)},
		"hanging at boot": {On: OnBoot, Do: Hang},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, Script{Rules: []Rule{rule}})
			var p *proc
			if rule.On == OnBoot {
				p = r.boot()
				r.event(t)
			} else {
				p = r.start()
				done := later(func() reply { return r.get("/", "m1") })
				r.came(t, "m1")
				defer func() { <-done }()
			}
			require.NoError(t, r.server.Close())
			require.Equal(t, 4, p.status().ExitStatus(), p.stderr.String())
			require.Contains(t, p.stderr.String(), control.ErrLabGone.Error())
		})
	}
}

func TestStrangers(t *testing.T) {
	t.Parallel()
	err := Run(t.Context(), Options{Socket: "/no/such/socket"})
	require.ErrorContains(t, err, "still running?")
	r := newRig(t, Script{})
	err = Run(t.Context(), Options{Socket: r.server.Path(), Name: "other"})
	require.ErrorContains(t, err, `no upstream with name \"other\"`)
	r.start()
	other := newRig(t, Script{})
	other.addr = r.addr
	p := other.boot()
	require.Equal(t, 1, p.status().ExitStatus())
	require.True(t, strings.Contains(p.stderr.String(), "address already in use"), p.stderr.String())
}
