package broker

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/harness/child"
)

// helper is a harness with a node: it starts it, and with "restart" in helperEnv stops and starts it
// once more and ends in order. Otherwise it goes on until it is killed. Arguments: the directory.
func helper() int {
	g, err := child.NewGroup(context.Background(), child.Options{Dir: os.Args[1]})
	if err == nil {
		fmt.Println("begin")
		err = helperRun(g)
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

func helperRun(g *child.Group) error {
	ctx := context.Background()
	l, err := StartLocal(ctx, g, LocalOptions{})
	if err != nil {
		return err
	}
	fmt.Println("ready", l.PID())
	if os.Getenv(helperEnv) != "restart" {
		select {}
	}
	if err := l.AddVhost(ctx, "v"); err != nil {
		return err
	}
	if err := l.Stop(ctx); err != nil {
		return err
	}
	if err := l.Start(ctx); err != nil {
		return err
	}
	conn, err := Dial(ctx, l.URL("v"))
	if err != nil {
		return err
	}
	if err := conn.Close(); err != nil {
		return err
	}
	return g.Close()
}

func helperCommand(mode, program, dir string) *exec.Cmd {
	cmd := exec.Command(program, dir)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), helperEnv+"="+mode)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	return cmd
}

func TestKilledHarnessLeavesNoNode(t *testing.T) {
	t.Parallel()
	needRabbit(t)
	for _, moment := range []struct {
		line  string
		delay time.Duration // into the start of the node
	}{{"begin", 0}, {"begin", 20 * time.Millisecond}, {"begin", 700 * time.Millisecond}, {"ready", 0}} {
		dir := t.TempDir()
		cmd := helperCommand("hold", os.Args[0], dir)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		readUntil(t, out, moment.line)
		time.Sleep(moment.delay) // the moment itself, nothing is awaited
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait()
		require.Eventually(t, func() bool {
			files, err := os.ReadDir(dir)
			return err == nil && len(files) == 0 && len(marked(t, dir)) == 0
		}, patience, 20*time.Millisecond, "killed at %v", moment)
	}
}

func readUntil(t *testing.T, r io.Reader, prefix string) {
	t.Helper()
	sc := bufio.NewScanner(r)
	for sc.Scan() {
		if strings.HasPrefix(sc.Text(), prefix) {
			return
		}
	}
	require.FailNow(t, "the helper never came so far", prefix)
}

// marked gives the processes with text in their environment or command line.
func marked(t *testing.T, text string) []string {
	t.Helper()
	dirs, err := filepath.Glob("/proc/[0-9]*")
	require.NoError(t, err)
	var found []string
	for _, dir := range dirs {
		env, _ := os.ReadFile(filepath.Join(dir, "environ"))
		cmd, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		if bytes.Contains(append(env, cmd...), []byte(text)) && dir != fmt.Sprintf("/proc/%d", os.Getpid()) {
			found = append(found, filepath.Base(dir))
		}
	}
	return found
}

func TestNodeOfAnOrdinaryUser(t *testing.T) {
	t.Parallel()
	needRabbit(t)
	if os.Getuid() != 0 {
		t.Skip("only root can become another user; every other test of this run shows that an ordinary one will do")
	}
	nobody, err := user.Lookup("nobody")
	require.NoError(t, err)
	uid, err := strconv.Atoi(nobody.Uid)
	require.NoError(t, err)
	gid, err := strconv.Atoi(nobody.Gid)
	require.NoError(t, err)
	dir, err := os.MkdirTemp("", "broker-nobody-") // t.TempDir's parent is closed to others
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	require.NoError(t, os.Chown(dir, uid, gid))
	program := filepath.Join(dir, "helper")
	binary, err := os.ReadFile(os.Args[0])
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(program, binary, 0o755))

	cmd := helperCommand("restart", program, dir)
	cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "ready")
	left, err := filepath.Glob(filepath.Join(dir, "comeback-*"))
	require.NoError(t, err)
	require.Empty(t, left)
	require.Empty(t, marked(t, dir))
}
