package child_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/harness/child"
)

func TestGroupDirectory(t *testing.T) {
	t.Parallel()
	g := newGroup(t, child.Options{})
	info, err := os.Stat(g.Dir())
	require.NoError(t, err)
	require.Equal(t, os.ModeDir|0o700, info.Mode())
	require.True(t, filepath.IsAbs(g.Dir()))
	require.NoError(t, os.MkdirAll(filepath.Join(g.Dir(), "a", "b"), 0o500))
	require.NoError(t, g.Close())
	require.NoDirExists(t, g.Dir())
	require.NoError(t, g.Close(), "a second Close gives the result of the first")
}

func TestNewGroupErrors(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	tests := []struct {
		name string
		ctx  context.Context
		o    child.Options
		want string
	}{
		{"ended context", ended, child.Options{Dir: t.TempDir()}, "context canceled"},
		{"no parent", context.Background(), child.Options{Dir: filepath.Join(t.TempDir(), "none")}, "make the lab's directory"},
		{"logs into a file", context.Background(), child.Options{Dir: t.TempDir(), LogDir: file}, "make the log directory"},
	}
	for _, tt := range tests {
		_, err := child.NewGroup(tt.ctx, tt.o)
		require.ErrorContains(t, err, tt.want, tt.name)
	}
}

func TestStartErrors(t *testing.T) {
	t.Parallel()
	var calls []string
	note := func(format string, args ...any) { calls = append(calls, fmt.Sprintf(format, args...)) }
	g := newGroup(t, child.Options{
		OnStart: func(name string, _ int, cmd string) { note("start %s %s", name, cmd) },
		OnExit:  func(name string, _ int, e child.Exit, _ bool) { note("exit %s %v", name, e) },
	})
	_, err := g.Start(child.Spec{Name: "ghost", Path: "/no/such/program"})
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "start ghost")
	plain := filepath.Join(t.TempDir(), "plain")
	require.NoError(t, os.WriteFile(plain, []byte("text"), 0o600))
	_, err = g.Start(child.Spec{Name: "plain", Path: plain})
	require.ErrorIs(t, err, os.ErrPermission)
	require.Empty(t, calls, "what never ran neither started nor ended")

	p := start(t, g, child.Spec{Name: "true", Path: "true", Args: []string{"a", "amqp://u:geheim@h/v"}})
	await(t, p.Done())
	require.Equal(t, []string{"start true true a amqp://u:xxxxx@h/v", "exit true exit 0"}, calls)

	require.NoError(t, g.Close())
	_, err = g.Start(child.Spec{Name: "late", Path: "true"})
	require.ErrorIs(t, err, child.ErrClosed)
}

// A child in a session of its own, with two forks between it and the group's, is found by its mark.
const escape = `
(setsid sh -c '(setsid sh -c "trap \"\" TERM INT HUP; echo escaped; while :; do sleep 0.05; done" &) ; exit 0' &)
trap '' TERM
echo up
while :; do sleep 0.05; done`

func TestCloseLeavesNothing(t *testing.T) {
	t.Parallel()
	var out lines
	g := newGroup(t, child.Options{OnLine: out.add})
	for range 3 {
		start(t, g, shell(escape))
	}
	stopped := start(t, g, shell("kill -STOP $$"))
	out.has(t, "sh: up")
	out.has(t, "sh: escaped")
	require.NotEmpty(t, withText(t, g.Dir()))
	require.NoError(t, g.Close())
	await(t, stopped.Done())
	require.Empty(t, withText(t, g.Dir()))
	require.NoDirExists(t, g.Dir())
}

func TestEndOfContextClosesTheGroup(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	g, err := child.NewGroup(ctx, child.Options{Dir: parent})
	require.NoError(t, err)
	p := start(t, g, shell(deaf))
	cancel()
	await(t, p.Done())
	require.NoError(t, g.Close())
	require.NoDirExists(t, g.Dir())
}

func TestStartAndCloseAtOnce(t *testing.T) {
	t.Parallel()
	for range 20 {
		g := newGroup(t, child.Options{})
		var starters sync.WaitGroup
		for range 4 {
			starters.Go(func() {
				for {
					if _, err := g.Start(shell("exec sleep 1000")); err != nil {
						require.ErrorIs(t, err, child.ErrClosed)
						return
					}
				}
			})
		}
		require.NoError(t, g.Close())
		starters.Wait()
		require.Empty(t, withText(t, g.Dir()))
	}
}

func TestFreePort(t *testing.T) {
	t.Parallel()
	var low int
	b, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	require.NoError(t, err)
	_, err = fmt.Sscan(string(b), &low)
	require.NoError(t, err)
	seen := map[int]bool{} // of 1,200 drawn at random from 22,768, some 31 would come twice
	for range 3 {
		g := newGroup(t, child.Options{})
		for range 400 {
			port, err := g.FreePort()
			require.NoError(t, err)
			require.Less(t, port, low, "a port that the kernel gives to clients can be taken while its server restarts")
			require.NotContains(t, seen, port, "a port that somebody was given already, and may not have come to use")
			seen[port] = true
		}
	}
}

func TestClosedGroupGivesNoPort(t *testing.T) {
	t.Parallel()
	g := newGroup(t, child.Options{})
	port, err := g.FreePort()
	require.NoError(t, err)
	name := fmt.Sprintf("@comeback-port-%d", port)
	_, err = net.Listen("unix", name)
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	require.NoError(t, g.Close())
	l, err := net.Listen("unix", name)
	require.NoError(t, err, "it is anybody's again")
	require.NoError(t, l.Close())
	_, err = g.FreePort()
	require.ErrorIs(t, err, child.ErrClosed)
}

// withText lists the processes, zombies apart, whose command line or environment has text in it.
func withText(t *testing.T, text string) []string {
	t.Helper()
	dirs, err := filepath.Glob("/proc/[0-9]*")
	require.NoError(t, err)
	var found []string
	for _, dir := range dirs {
		env, _ := os.ReadFile(filepath.Join(dir, "environ"))
		cmd, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		if dir != fmt.Sprintf("/proc/%d", os.Getpid()) && strings.Contains(string(env)+string(cmd), text) {
			found = append(found, filepath.Base(dir)+" "+strings.ReplaceAll(string(cmd), "\x00", " "))
		}
	}
	return found
}
