package fault

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/fakes/control"
	"github.com/comeback-chaos/xk6-comeback/fakes/hooks"
	"github.com/comeback-chaos/xk6-comeback/fakes/hostmem"
	"github.com/comeback-chaos/xk6-comeback/fakes/script"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/wire"
)

func inject(t *testing.T, b Lab, f Fault) Injected {
	t.Helper()
	in, err := f.Inject(t.Context(), b)
	require.NoError(t, err)
	return in
}

// brief is a context that is over: what is not there yet will not come.
func brief(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

func TestSecondFaultOnTheSameThingIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ first, second, other Fault }{
		"swap": {first: &Swap{State: "low"}, second: &Swap{State: "unset"}},
		"hook": {
			first:  &Hook{Hook: "restart", Steps: []hooks.Step{{Code: 2}}},
			second: &Hook{Hook: "restart", Steps: []hooks.Step{{Code: 3}}},
			other:  &Hook{Hook: "terminate", Steps: []hooks.Step{{Code: 3}}},
		},
		"hookFile": {
			first:  &HookFile{Hook: "restart", How: "missing"},
			second: &HookFile{Hook: "restart", How: "not-executable"},
			other:  &Hook{Hook: "restart", Steps: []hooks.Step{{Code: 3}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			require.NoError(t, os.WriteFile(b.HookPath("restart"), nil, 0o700))
			first := inject(t, b, c.first)
			_, err := c.second.Inject(t.Context(), b)
			require.ErrorContains(t, err, "claimed")
			if c.other != nil {
				require.NoError(t, inject(t, b, c.other).Heal(t.Context()))
			}
			require.NoError(t, first.Heal(t.Context()))
			require.NoError(t, inject(t, b, c.second).Heal(t.Context()))
			require.Equal(t, "ok", b.host.State().Name)
		})
	}
}

func TestFaultThatCannotBeInjectedLeavesNothing(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]Fault{
		`state: the host's swap is "ok" already`: &Swap{State: "ok"},
		`no hook is called "restrat"`:            &Hook{Hook: "restrat", Steps: []hooks.Step{{}}},
		`no such file`:                           &HookFile{Hook: "restart", How: "missing"},
		`how: "gone", want`:                      &HookFile{Hook: "restart", How: "gone"},
		`swap is "low" already`: &Reboot{Under: []Spec{
			{Fault: "hook", Params: json.RawMessage(`{"hook":"restart","steps":[{"code":2}]}`)},
			{Fault: "workerDown"},
			{Fault: "swap", Params: json.RawMessage(`{"state":"low"}`)},
		}},
	} {
		b := newBench(t)
		if _, ok := f.(*Reboot); ok {
			require.NoError(t, b.host.Set(hostmem.Low()))
		}
		_, err := f.Inject(t.Context(), b)
		require.ErrorContains(t, err, want)
		require.Empty(t, b.watches, want)
		require.Empty(t, b.claimed, want)
	}
}

// The faults under a reboot are waited for one beside the other.
func TestRebootWaitsForEach(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	in := inject(t, b, &Reboot{Under: []Spec{
		{Fault: "swap", Params: json.RawMessage(`{"state":"unset"}`)},
		{Fault: "hook", Params: json.RawMessage(`{"hook":"restart","steps":[{"code":2}]}`)},
	}})
	require.Equal(t, 1, b.starts)
	_, err := in.InEffect(brief(t))
	require.ErrorContains(t, err, `the target read swap "unset"`)
	require.ErrorContains(t, err, "calls the restart hook")
	require.NoError(t, in.Heal(t.Context()))
	require.Empty(t, b.watches, "they end with the heal")
	_, err = in.Gone(brief(t))
	require.ErrorContains(t, err, `the target read swap "ok"`)
}

func TestHookHealEndsACallThatHangs(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.desk.Restart = func(context.Context) error { return nil }
	dir, err := os.MkdirTemp("", "fault") // a socket's path must be short
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	server, err := control.Listen(filepath.Join(dir, "private", "s"), control.Mux{hooks.Role: &b.desk}, nil)
	require.NoError(t, err)
	t.Cleanup(func() { server.Close() })
	call := func() int { return hooks.Run(t.Context(), server.Path(), hooks.Restart, nil, io.Discard) }

	in := inject(t, b, &Hook{Hook: "restart", Steps: []hooks.Step{{Hang: true}}})
	_, err = in.InEffect(brief(t))
	require.Error(t, err, "nobody has called it")
	code := make(chan int)
	go func() { code <- call() }()
	_, err = in.InEffect(t.Context())
	require.NoError(t, err)
	_, err = in.Gone(brief(t))
	require.ErrorContains(t, err, "no call of the restart hook")
	require.NoError(t, in.Heal(t.Context()))
	require.Equal(t, hooks.LetGoCode, <-code)
	_, err = in.Gone(t.Context())
	require.NoError(t, err)
}

func TestHookFileIsInEffectWhenTheTargetNamesIt(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	path := b.HookPath("restart")
	seen := names(path, ofTarget(b))
	for text, want := range map[string]bool{
		"fork/exec " + path + ": no such file":     true,
		`{"msg":"run \"` + path + `\" failed"}`:    true,
		"cannot run " + path:                       true,
		"cannot run " + path + ".":                 true,
		"cannot run " + path + ". Giving up":       true,
		path + ".hidden: what is it?":              false,
		path + "-old is there":                     false,
		path + "ed":                                false,
		path + "/x":                                false,
		"/elsewhere" + path:                        false,
		path + ".hidden is there, " + path + " no": true,
		"nothing": false,
	} {
		require.Equal(t, want, seen(&history.Event{Kind: history.Log, Who: "consumer/0", Text: text}), text)
	}
	for e, want := range map[history.Event]bool{
		{Kind: history.Log, Who: "consumer/1"}:          true,
		{Kind: history.Log, Who: "consumers/0"}:         false,
		{Kind: history.Log, Who: "aiworker"}:            false,
		{Kind: history.Alert, Who: "restart is absent"}: true,
		{Kind: history.Mark, Who: "consumer/0"}:         false,
	} {
		e.Text = path
		require.Equal(t, want, seen(&e), "%s %s", e.Kind, e.Who)
	}
}

func TestWorkerDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{watches: map[*benchWatch]bool{}}
		a, err := Start(t.Context(), b, 1, Spec{Fault: "workerDown"}, &WorkerDown{})
		require.NoError(t, err)
		b.Record(&history.Event{Kind: history.Deliver, Conn: 2}) // before the end of the process
		b.Record(&history.Event{Kind: history.ProcExit, Who: "aiworker"})
		b.Record(&history.Event{Kind: history.Deliver, Conn: 1}) // to another
		b.Record(&history.Event{Kind: history.Deliver, Conn: 3})
		synctest.Wait()
		_, err = a.InEffect(brief(t))
		require.Error(t, err, "our own request is not the target's")
		b.Record(&history.Event{Kind: history.Deliver, Conn: 2})
		evidence, err := a.InEffect(t.Context())
		require.NoError(t, err)
		require.Contains(t, evidence, "connection refused")
		require.NoError(t, a.Heal(t.Context()))
		_, err = a.Gone(t.Context())
		require.NoError(t, err)
		require.Equal(t, 1, b.worker.starts)
		require.Empty(t, b.watches)
	})
}

func TestWhatShowsThatTheWorkerIsMissed(t *testing.T) {
	t.Parallel()
	for e, want := range map[history.Event]bool{
		{Kind: history.Deliver, Conn: 2}:                          true,
		{Kind: history.Deliver, Conn: 1}:                          false,
		{Kind: history.Nack, Conn: 2}:                             true,
		{Kind: history.Reject, Conn: 3}:                           false,
		{Kind: history.Cancel, Conn: 2}:                           true,
		{Kind: history.Ack, Conn: 2}:                              false,
		{Kind: history.HookCall, Who: "restart"}:                  true,
		{Kind: history.Alert, Who: "AI"}:                          true,
		{Kind: history.Alert, Who: "AI", Flags: history.AllClear}: false,
	} {
		misses := missesWorker(&bench{})
		require.False(t, misses(&e), "%s before the end of the process", e.Kind)
		require.False(t, misses(&history.Event{Kind: history.ProcExit, Who: "consumer/0"}))
		require.False(t, misses(&e), "%s after the end of another process", e.Kind)
		require.False(t, misses(&history.Event{Kind: history.ProcExit, Who: "aiworker"}))
		require.Equal(t, want, misses(&e), "%s %d", e.Kind, e.Conn)
	}
}

// amqpPipe gives a connection through w on which acks can be sent; the other end reads them all.
func amqpPipe(t *testing.T, w *wire.Wire) net.Conn {
	t.Helper()
	near, far := net.Pipe()
	go io.Copy(io.Discard, far)
	c := w.Wrap(near)
	_, err := c.Write([]byte("AMQP\x00\x00\x09\x01"))
	require.NoError(t, err)
	return c
}

func TestOnIsInEffectOnceItsTimeHasPassed(t *testing.T) {
	t.Parallel()
	const d = 3 * time.Second
	for _, f := range []On{
		{Method: "ack", Do: "delay", Delay: script.Duration(d)},
		{Method: "ack", Do: "stall", For: script.Duration(d)},
	} {
		for _, early := range []bool{false, true} {
			t.Run(f.Do, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := wire.New(wire.Config{})
					c := amqpPipe(t, w)
					b := &bench{wires: []*wire.Wire{w}}
					in := inject(t, b, &f)
					began := time.Now()
					go c.Write(wire.AckFrame(1, 1, false))
					got := make(chan error, 1)
					go func() {
						_, err := in.InEffect(t.Context())
						got <- err
					}()
					synctest.Wait()
					if early {
						require.NoError(t, in.Heal(t.Context()))
						require.ErrorContains(t, <-got, "healed before its "+f.Do)
					} else {
						require.NoError(t, <-got)
						require.Equal(t, d, time.Since(began))
						require.NoError(t, in.Heal(t.Context()))
					}
					require.NoError(t, c.Close())
					require.NoError(t, w.Close())
				})
			})
		}
	}
}

// What shows that a fault is gone may not stand before the next fault's rule.
func TestOnGoneLeavesTheWireAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := wire.New(wire.Config{})
		c := amqpPipe(t, w)
		b := &bench{wires: []*wire.Wire{w}}
		first := inject(t, b, &On{Method: "ack", Do: "swallow"})
		require.NoError(t, first.Heal(t.Context()))
		gone := make(chan error, 1)
		go func() {
			_, err := first.Gone(t.Context())
			gone <- err
		}()
		synctest.Wait()
		second := inject(t, b, &On{Method: "ack", Do: "swallow", Nth: 2})
		_, err := c.Write(append(wire.AckFrame(1, 1, false), wire.AckFrame(1, 2, false)...)) // before Gone could take its rule out
		require.NoError(t, err)
		require.NoError(t, <-gone)
		_, err = second.InEffect(brief(t))
		require.NoError(t, err)
		require.NoError(t, second.Heal(t.Context()))

		given, giveUp := context.WithCancel(t.Context())
		go func() {
			_, err := first.Gone(given)
			gone <- err
		}()
		synctest.Wait()
		giveUp()
		require.Error(t, <-gone)
		third := inject(t, b, &On{Method: "ack", Do: "swallow", Nth: 1})
		_, err = c.Write(wire.AckFrame(1, 3, false))
		require.NoError(t, err)
		_, err = third.InEffect(brief(t))
		require.NoError(t, err)
		require.NoError(t, third.Heal(t.Context()))
		require.NoError(t, c.Close())
		require.NoError(t, w.Close())
	})
}
