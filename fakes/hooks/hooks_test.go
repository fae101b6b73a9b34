package hooks

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/comeback-chaos/xk6-comeback/fakes/control"
	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

// TestMain lets the test binary be the hook's process: `<binary> fakehook <socket> <name> -- args…`.
func TestMain(m *testing.M) {
	if len(os.Args) > 4 && os.Args[1] == "fakehook" {
		os.Exit(Run(context.Background(), os.Args[2], os.Args[3], os.Args[5:], os.Stderr))
	}
	goleak.VerifyTestMain(m)
}

// bench is a desk with its socket and its two scripts.
type bench struct {
	*Desk
	server             *control.Server
	restart, terminate string
	called             chan Call
	ended              chan Call
}

func newBench(t *testing.T, d *Desk) *bench {
	t.Helper()
	dir, err := os.MkdirTemp("", "hooks")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	b := &bench{
		Desk:      d,
		restart:   filepath.Join(dir, "restart it's.sh"),
		terminate: filepath.Join(dir, "aws"),
		called:    make(chan Call, 10),
		ended:     make(chan Call, 10),
	}
	d.OnCall = func(c Call) { b.called <- c }
	d.OnExit = func(c Call, _ Step) { b.ended <- c }
	b.server, err = control.Listen(filepath.Join(dir, "private", "s"), control.Mux{Role: d}, nil)
	require.NoError(t, err)
	t.Cleanup(func() { b.server.Close() })
	require.NoError(t, WriteScript(b.restart, os.Args[0], "fakehook", b.server.Path(), Restart, "--"))
	require.NoError(t, WriteScript(b.terminate, os.Args[0], "fakehook", b.server.Path(), Terminate, "--"))
	return b
}

// plan sets a hook's plan.
func plan(t *testing.T, b *bench, hook string, steps ...Step) *Planned {
	t.Helper()
	p, err := b.Plan(hook, steps...)
	require.NoError(t, err)
	return p
}

// run1 runs a hook as a target does.
func run1(t *testing.T, path string, args ...string) (syscall.WaitStatus, string) {
	t.Helper()
	cmd, stderr := start(t, path, args...)
	return wait(t, cmd), stderr.String()
}

func start(t *testing.T, path string, args ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command(path, args...)
	cmd.Stderr = &stderr
	require.NoError(t, cmd.Start())
	return cmd, &stderr
}

func wait(t *testing.T, cmd *exec.Cmd) syscall.WaitStatus {
	t.Helper()
	err := cmd.Wait()
	var exit *exec.ExitError
	require.True(t, err == nil || errors.As(err, &exit), "%v", err)
	ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	require.True(t, ok)
	return ws
}

var goodArgs = []string{"ec2", "terminate-instances", "--instance-ids", "i-0abc", "--region", "eu-west-1"}

func TestDefaultPlans(t *testing.T) {
	t.Parallel()
	var restarts atomic.Int64
	b := newBench(t, &Desk{Restart: func(context.Context) error { restarts.Add(1); return nil }})
	for n := 1; n <= 2; n++ {
		ws, stderr := run1(t, b.restart)
		require.Equal(t, 1, ws.ExitStatus(), "1 says restarted")
		require.Empty(t, stderr)
		require.Equal(t, n, (<-b.called).N)
		require.Equal(t, 1, (<-b.ended).Code)
		require.EqualValues(t, n, restarts.Load())
	}
	ws, stderr := run1(t, b.terminate, goodArgs...)
	require.Zero(t, ws.ExitStatus())
	require.Empty(t, stderr)
	call := <-b.called
	require.Equal(t, Terminate, call.Hook)
	require.Equal(t, 1, call.N)
	require.Equal(t, goodArgs, call.Args)
	require.False(t, (<-b.ended).Killed)
	require.Len(t, b.Calls(Restart), 2)
	require.Len(t, b.Calls(Terminate), 1)
}

func TestOneStepACallAndTheLastRepeats(t *testing.T) {
	t.Parallel()
	b := newBench(t, &Desk{})
	plan(t, b, Restart, Step{Code: 7, Stderr: "seven\n"}, Step{}, Step{Code: 42, Delay: script.Duration(time.Millisecond)})
	for i, want := range []int{7, 0, 42, 42} {
		ws, stderr := run1(t, b.restart)
		require.Equal(t, want, ws.ExitStatus())
		require.Equal(t, i == 0, stderr == "seven\n")
		require.Equal(t, want, (<-b.ended).Code)
	}
	plan(t, b, Restart, Step{Code: 3})
	ws, _ := run1(t, b.restart)
	require.Equal(t, 3, ws.ExitStatus())
	require.Equal(t, 5, b.Calls(Restart)[4].N, "calls are counted over plans")
	plan(t, b, Restart)
	ws, stderr := run1(t, b.restart)
	require.Zero(t, ws.ExitStatus(), "the default plan restarts, and nothing can be restarted here")
	require.Contains(t, stderr, "no AI worker")
}

func TestDeathBySignal(t *testing.T) {
	t.Parallel()
	b := newBench(t, &Desk{})
	for name, signal := range map[string]syscall.Signal{
		"KILL": syscall.SIGKILL, "TERM": syscall.SIGTERM, "INT": syscall.SIGINT, "SEGV": syscall.SIGSEGV, "ABRT": syscall.SIGABRT, "QUIT": syscall.SIGQUIT,
	} {
		plan(t, b, Restart, Step{Signal: name})
		ws, stderr := run1(t, b.restart)
		require.True(t, ws.Signaled(), "%s: exit status %d", name, ws.ExitStatus())
		require.Equal(t, signal, ws.Signal())
		require.False(t, ws.CoreDump())
		require.Empty(t, stderr)
		call := <-b.ended
		require.Equal(t, 128+int(signal), call.Code)
		require.False(t, call.Killed, "it died as planned")
	}
}

func TestHangEndsWhenTheCallerKillsIt(t *testing.T) {
	t.Parallel()
	b := newBench(t, &Desk{})
	plan(t, b, Restart, Step{Hang: true, Stderr: "waiting for the GPU\n"})
	cmd, stderr := start(t, b.restart, "--now")
	call := <-b.called
	require.Equal(t, cmd.Process.Pid, call.Pid, "exec keeps the pid that the target knows")
	require.Equal(t, []string{"--now"}, call.Args)
	require.NoError(t, cmd.Process.Kill())
	require.True(t, wait(t, cmd).Signaled())
	call = <-b.ended
	require.True(t, call.Killed)
	require.Equal(t, -1, call.Code)
	if stderr.Len() > 0 { // it may have been killed before it could print
		require.Equal(t, "waiting for the GPU\n", stderr.String())
	}
	require.Len(t, b.Calls(Restart), 1)
}

func TestHangEndsWithTheLab(t *testing.T) {
	t.Parallel()
	b := newBench(t, &Desk{})
	plan(t, b, Terminate, Step{Hang: true})
	cmd, stderr := start(t, b.terminate, goodArgs...)
	<-b.called
	require.NoError(t, b.server.Close())
	require.Equal(t, FakeCode, wait(t, cmd).ExitStatus())
	require.Contains(t, stderr.String(), control.ErrLabGone.Error())
	require.True(t, (<-b.ended).Killed)
}

func TestNoLab(t *testing.T) {
	t.Parallel()
	b := newBench(t, &Desk{})
	require.NoError(t, b.server.Close())
	ws, stderr := run1(t, b.restart)
	require.Equal(t, FakeCode, ws.ExitStatus())
	require.Contains(t, stderr, "still running?")
}

func TestUnknownHookIsRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t, &Desk{})
	require.NoError(t, WriteScript(b.restart, os.Args[0], "fakehook", b.server.Path(), "restrat", "--"))
	ws, stderr := run1(t, b.restart)
	require.Equal(t, FakeCode, ws.ExitStatus())
	require.Contains(t, stderr, `no hook is called \"restrat\"`)
	_, err := b.Plan("restrat", Step{})
	require.ErrorContains(t, err, "restrat")
}

func TestRestartThatFails(t *testing.T) {
	t.Parallel()
	b := newBench(t, &Desk{Restart: func(context.Context) error { return errors.New("no such worker") }})
	ws, stderr := run1(t, b.restart)
	require.Zero(t, ws.ExitStatus(), "0 says failed")
	require.Equal(t, "restart the AI worker: no such worker\n", stderr)
	require.ErrorContains(t, (<-b.ended).Err, "no such worker")
}

func TestRestartEndsWithTheHook(t *testing.T) {
	t.Parallel()
	begun := make(chan struct{})
	b := newBench(t, &Desk{Restart: func(ctx context.Context) error {
		close(begun)
		<-ctx.Done()
		return ctx.Err()
	}})
	cmd, _ := start(t, b.restart)
	<-begun
	require.NoError(t, cmd.Process.Kill())
	wait(t, cmd)
	require.True(t, (<-b.ended).Killed)
}

func TestKillLeavesItDead(t *testing.T) {
	t.Parallel()
	var kills atomic.Int64
	b := newBench(t, &Desk{Kill: func() error { kills.Add(1); return nil }})
	plan(t, b, Restart, Step{Kill: true, Code: 1})
	ws, _ := run1(t, b.restart)
	require.Equal(t, 1, ws.ExitStatus(), "it lies: that is what the step says")
	require.EqualValues(t, 1, kills.Load())
}

func TestTerminateChecksItsArgumentsAsAwsDoes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		args []string
		want string // of the usage error; empty: none
	}{
		{"right", goodArgs, ""},
		{"region first", []string{"ec2", "terminate-instances", "--region", "x", "--instance-ids", "i-1"}, ""},
		{"joined", []string{"ec2", "terminate-instances", "--region=x", "--instance-ids=i-1"}, ""},
		{"two instances", []string{"ec2", "terminate-instances", "--instance-ids", "i-1", "i-2", "--region", "x"}, ""},
		{"none", nil, "argument command"},
		{"other command", []string{"s3", "ls"}, "argument command"},
		{"other operation", []string{"ec2", "stop-instances"}, "argument operation"},
		{"no ids", []string{"ec2", "terminate-instances", "--region", "x"}, "required: --instance-ids"},
		{"empty ids", []string{"ec2", "terminate-instances", "--instance-ids", "--region", "x"}, "required: --instance-ids"},
		{"empty id", []string{"ec2", "terminate-instances", "--instance-ids", "", "--region", "x"}, "Invalid id"},
		{"no region", []string{"ec2", "terminate-instances", "--instance-ids", "i-1"}, "required: --region"},
		{"empty region", []string{"ec2", "terminate-instances", "--instance-ids", "i-1", "--region", ""}, "required: --region"},
		{"two regions", []string{"ec2", "terminate-instances", "--instance-ids", "i-1", "--region", "x", "y"}, "Unknown options: y"},
		{"no id", []string{"ec2", "terminate-instances", "--instance-ids", "web-1", "--region", "x"}, `Invalid id: "web-1"`},
		{"other option", []string{"ec2", "terminate-instances", "--instance-ids", "i-1", "--region", "x", "--force"}, "Unknown options: --force"},
		{"stray word", []string{"ec2", "terminate-instances", "i-1"}, "Unknown options: i-1"},
	} {
		usage := checkTerminate(c.args)
		if c.want == "" {
			require.Empty(t, usage, c.name)
			continue
		}
		require.Contains(t, usage, "usage: aws", c.name)
		require.Contains(t, usage, c.want, c.name)
	}
}

func TestMisuseTakesNoStepOfThePlan(t *testing.T) {
	t.Parallel()
	b := newBench(t, &Desk{})
	plan(t, b, Terminate, Step{Code: 9}, Step{})
	ws, stderr := run1(t, b.terminate, "ec2")
	require.Equal(t, UsageCode, ws.ExitStatus())
	require.Contains(t, stderr, "usage: aws")
	call := <-b.called
	require.True(t, call.Misuse)
	require.Equal(t, []string{"ec2"}, call.Args)
	require.Equal(t, UsageCode, (<-b.ended).Code)
	ws, _ = run1(t, b.terminate, goodArgs...)
	require.Equal(t, 9, ws.ExitStatus())
}

func TestScriptQuotes(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a b'c")
	nasty := []string{"it's", `$HOME "x" \ ` + "`id`", "two\nlines", "", "*", "-n"}
	require.NoError(t, WriteScript(path, "/usr/bin/printf", append([]string{`[%s]`}, nasty...)...))
	require.NoError(t, WriteScript(path, "/usr/bin/printf", append([]string{`[%s]`}, nasty...)...), "again")
	out, err := exec.Command(path, nasty...).Output()
	require.NoError(t, err)
	want := ""
	for range 2 {
		for _, arg := range nasty {
			want += "[" + arg + "]"
		}
	}
	require.Equal(t, want, string(out))
	require.Error(t, WriteScript(path, "/bin/echo", "a\x00b"))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, byte('#'), text[0], "a refused script leaves the old one")
}
