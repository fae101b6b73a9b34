package child_test

import (
	"context"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/harness/child"
)

const deaf = "trap '' TERM; echo up; while :; do sleep 0.05; done"

func TestStop(t *testing.T) {
	t.Parallel()
	long := time.Hour // a grace that must not be needed
	tests := []struct {
		name, script string
		grace        time.Duration
		prepare      func(p *child.Process) error
		want         string
	}{
		{"obeys", "trap 'exit 7' TERM; echo up; while :; do sleep 0.01; done", long, nil, "exit 7"},
		{"has no handler", "echo up; exec sleep 1000", long, nil, "killed by SIGTERM (143)"},
		{"is deaf", deaf, 50 * time.Millisecond, nil, "killed by SIGKILL (137)"},
		{"is paused", "echo up; exec sleep 1000", long, func(p *child.Process) error { return p.Signal(syscall.SIGSTOP) }, "killed by SIGTERM (143)"},
		{"has ended", "echo up; exit 3", long, func(p *child.Process) error { <-p.Done(); return nil }, "exit 3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var out lines
			g := newGroup(t, child.Options{OnLine: out.add})
			p := start(t, g, shell(tt.script))
			out.has(t, "sh: up")
			if tt.prepare != nil {
				require.NoError(t, tt.prepare(p))
			}
			e, err := p.Stop(context.Background(), tt.grace)
			require.NoError(t, err)
			require.Equal(t, tt.want, e.String())
			await(t, p.Done())
			require.ErrorIs(t, p.Signal(syscall.SIGTERM), os.ErrProcessDone)
			p.Kill() // harmless
		})
	}
}

func TestStopIsCutShortByItsContext(t *testing.T) {
	t.Parallel()
	var out lines
	g := newGroup(t, child.Options{OnLine: out.add})
	p := start(t, g, shell(deaf))
	out.has(t, "sh: up")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	e, err := p.Stop(ctx, time.Hour)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, syscall.SIGKILL, e.Signal)
}

func TestStopTakesTheProcessGroupAlong(t *testing.T) {
	t.Parallel()
	var out lines
	g := newGroup(t, child.Options{OnLine: out.add})
	p := start(t, g, shell("(trap '' TERM; echo deaf; while :; do sleep 0.05; done) & echo up; wait"))
	out.has(t, "sh: up")
	out.has(t, "sh: deaf")
	_, err := p.Stop(context.Background(), time.Hour)
	require.NoError(t, err)
	await(t, p.Drained()) // only closes when the deaf one is gone as well
}

func TestSignalReachesTheGroupAndCtrlCDoesNot(t *testing.T) {
	t.Parallel()
	var out lines
	g := newGroup(t, child.Options{OnLine: out.add})
	p := start(t, g, shell("trap 'echo one' USR1; (trap 'echo two' USR1; echo up2; while :; do sleep 0.01; done) & echo up1; while :; do sleep 0.01; done"))
	out.has(t, "sh: up1")
	out.has(t, "sh: up2")
	require.NoError(t, p.Signal(syscall.SIGUSR1))
	out.has(t, "sh: one")
	out.has(t, "sh: two")

	group, err := syscall.Getpgid(p.PID())
	require.NoError(t, err)
	require.Equal(t, p.PID(), group)
	require.NotEqual(t, syscall.Getpgrp(), group)
}

func TestExpectedEnds(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		end  func(p *child.Process) error
		want bool
	}{
		{"by itself", func(p *child.Process) error { return p.Stdin().Close() }, false},
		{"by itself, foreseen", func(p *child.Process) error { p.Expect(); return p.Stdin().Close() }, true},
		{"by a signal", func(p *child.Process) error { return p.Signal(syscall.SIGKILL) }, false},
		{"by Kill", func(p *child.Process) error { p.Kill(); return nil }, true},
		{"by Stop", func(p *child.Process) error { _, err := p.Stop(context.Background(), time.Hour); return err }, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			var ends []bool
			g := newGroup(t, child.Options{OnExit: func(_ string, _ int, _ child.Exit, expected bool) {
				mu.Lock()
				defer mu.Unlock()
				ends = append(ends, expected)
			}})
			s := shell("exec cat")
			s.Stdin = true
			p := start(t, g, s)
			require.Equal(t, child.Running, p.Exit().Code)
			require.NoError(t, tt.end(p))
			await(t, p.Done())
			mu.Lock()
			defer mu.Unlock()
			require.Equal(t, []bool{tt.want}, ends)
		})
	}
}

func TestEnvironmentIsComplete(t *testing.T) {
	t.Setenv("CHILD_TEST_PARENT", "inherited")
	t.Setenv("COMEBACK_LAB", "/another/lab")
	g := newGroup(t, child.Options{})
	env := func(s child.Spec) []string {
		s.CaptureStdout = true
		p := start(t, g, s)
		await(t, p.Done())
		return strings.Fields(string(p.Stdout()))
	}
	mark := "COMEBACK_LAB=" + g.Dir()

	s := child.Spec{Name: "env", Path: "env", Env: []string{"A=1"}}
	require.ElementsMatch(t, []string{"A=1", mark}, env(s))

	s.InheritEnv, s.Env = true, []string{"A=1", "CHILD_TEST_PARENT=mine"}
	got := env(s)
	require.Subset(t, got, []string{"A=1", "CHILD_TEST_PARENT=mine", mark})
	require.NotContains(t, got, "COMEBACK_LAB=/another/lab")
}

func TestStdinAndDirectory(t *testing.T) {
	t.Parallel()
	g := newGroup(t, child.Options{})
	s := shell("pwd; cat; cat /proc/self/fd/0 2>&1")
	s.Dir, s.Stdin, s.CaptureStdout = "/", true, true
	p := start(t, g, s)
	_, err := p.Stdin().Write([]byte("hello\n"))
	require.NoError(t, err)
	require.NoError(t, p.Stdin().Close())
	await(t, p.Done())
	require.Equal(t, "/\nhello\n", string(p.Stdout()))

	without := start(t, g, shell("exec cat"))
	await(t, without.Done()) // /dev/null is at its end at once
	require.Nil(t, without.Stdin())
}
