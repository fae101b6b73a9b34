package consumer_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/brokertest"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/consumertest"
)

const asProgram = "CONSUMER_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(consumer.Main(os.Args[1:], os.Stdout, os.Stderr, nil))
	}
	os.Exit(brokertest.Main(m))
}

// program is the consumer as a process of its own.
type program struct {
	cmd            *exec.Cmd
	listen         string
	stdout, stderr bytes.Buffer
}

func start(t testing.TB, env ...string) *program {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &program{listen: l.Addr().String()}
	require.NoError(t, l.Close())
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env = append([]string{asProgram + "=1", "LISTEN_ADDR=" + p.listen}, env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	require.NoError(t, p.cmd.Start())
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	return p
}

func (p *program) exit(t *testing.T) int {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); _ = p.cmd.Wait() }()
	select {
	case <-done:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(consumertest.Within):
		require.Fail(t, "the program does not end")
		return -1
	}
}

func (p *program) awaitReady(t testing.TB) {
	t.Helper()
	require.Eventually(t, func() bool {
		res, err := http.Get("http://" + p.listen + "/readyz")
		if err != nil {
			return false
		}
		_ = res.Body.Close()
		return res.StatusCode == http.StatusOK
	}, consumertest.Within, 10*time.Millisecond)
}

func environment(l *consumertest.Lab) []string {
	return []string{"AMQP_URL=" + l.URL, "AI_URL=" + l.AI.URL(), "API_URL=" + l.API.URL, "ALERT_URL=" + l.Slack.URL,
		"HOST_PROC=" + l.Proc, "RESTART_COMMAND=" + filepath.Join(l.Hooks, "restart"), "DRAIN_TIMEOUT=10s", "INSTANCE_ID=i-1"}
}

func TestProgramWorksAndDrainsOnSIGTERM(t *testing.T) {
	t.Parallel()
	l := consumertest.New(t)
	p := start(t, environment(l)...)
	p.awaitReady(t)
	slow := make(chan struct{})
	l.AI.Answers(func(_ http.ResponseWriter, id string) bool {
		if id == "m3" {
			close(slow)
			time.Sleep(300 * time.Millisecond)
		}
		return false
	})
	ids := l.Submit(t, 3)
	<-slow
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	require.Equal(t, 0, p.exit(t), p.stderr.String())
	l.AwaitReported(t, ids) // the running job was finished
	l.AwaitEmpty(t)

	lines := bufio.NewScanner(&p.stdout)
	for lines.Scan() {
		var entry map[string]any
		require.NoError(t, json.Unmarshal(lines.Bytes(), &entry), lines.Text())
		require.NotContains(t, lines.Text(), "guest:guest")
	}
	require.Empty(t, p.stderr.String())
}

func TestProgramEndsAtOnceOnTheSecondSignal(t *testing.T) {
	t.Parallel()
	l := consumertest.New(t)
	running, release := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(release) })
	l.AI.Answers(func(_ http.ResponseWriter, id string) bool {
		if id == "m1" {
			close(running)
			<-release
		}
		return false
	})
	p := start(t, environment(l)...)
	p.awaitReady(t)
	l.Submit(t, 1)
	<-running
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	require.Eventually(t, func() bool { _, consumers := l.Depth(t, "jobs"); return consumers == 0 }, consumertest.Within, 5*time.Millisecond)
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	require.Equal(t, consumer.ExitAtOnce, p.exit(t))
	l.AwaitHeld(t, "[1,0]")
}

func TestProgramThatCannotStartSaysWhy(t *testing.T) {
	t.Parallel()
	p := start(t, "AMQP_URL=amqp://u:secret@h/", "AI_URL=http://a", "API_URL=http://b", "AI_TIMEOUT=soon")
	require.Equal(t, consumer.ExitUsage, p.exit(t))
	require.Contains(t, p.stderr.String(), "setting AI_TIMEOUT (flag -ai-timeout)")
	require.NotContains(t, p.stderr.String()+p.stdout.String(), "secret")

	busy, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = busy.Close() })
	p = start(t, "AMQP_URL=amqp://u:secret@h/", "AI_URL=http://a", "API_URL=http://b", fmt.Sprintf("LISTEN_ADDR=%s", busy.Addr()))
	require.Equal(t, consumer.ExitCannot, p.exit(t))
	require.Contains(t, p.stderr.String(), "LISTEN_ADDR")
}
