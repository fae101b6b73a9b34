package child_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/harness/child"
)

// helper is a harness that starts children until it is killed. The directory is in helperEnv.
func helper() int {
	dir := os.Getenv(helperEnv)
	fmt.Println("begin")
	g, err := child.NewGroup(context.Background(), child.Options{Dir: dir, OnLine: func(_, line string) { fmt.Println(line) }})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	for i := range 12 {
		s := child.Spec{Name: "busy", Path: "/bin/sh", Args: []string{"-c", escape}, Env: []string{"PATH=/usr/bin:/bin"}}
		if i%3 == 0 { // these have lost the mark: only being direct children can be their end
			s.Args = []string{"-c", `exec env -i PATH=/bin sh -c 'while :; do sleep 0.05; done' "$1"`, "sh", dir}
		}
		if _, err := g.Start(s); err != nil {
			fmt.Println(err)
			return 1
		}
	}
	fmt.Println("all")
	select {}
}

// victim starts a helper and waits until it has printed line.
func victim(t *testing.T, dir, line string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), helperEnv+"="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	sc := bufio.NewScanner(out)
	for sc.Scan() {
		if sc.Text() == line {
			return cmd
		}
	}
	require.FailNow(t, "the helper never came so far", line)
	return nil
}

func kill(t *testing.T, cmd *exec.Cmd, s syscall.Signal) {
	t.Helper()
	require.NoError(t, syscall.Kill(-cmd.Process.Pid, s)) // its whole group, as a job's runner would
	_ = cmd.Wait()
}

// nothingLeft waits until neither a process nor a file remembers dir.
func nothingLeft(t *testing.T, dir string) {
	t.Helper()
	var procs []string
	var files []os.DirEntry
	require.Eventually(t, func() bool {
		var err error
		files, err = os.ReadDir(dir)
		require.NoError(t, err)
		procs = withText(t, dir)
		return len(files)+len(procs) == 0
	}, patience, 10*time.Millisecond)
	require.Empty(t, files)
	require.Empty(t, procs)
}

func TestHarnessKilledWithEverythingUp(t *testing.T) {
	t.Parallel()
	signals := []syscall.Signal{syscall.SIGKILL, syscall.SIGQUIT}
	if !signal.Ignored(syscall.SIGHUP) { // under nohup, which is inherited, it ends nobody
		signals = append(signals, syscall.SIGHUP)
	}
	for _, s := range signals {
		dir := t.TempDir()
		cmd := victim(t, dir, "all")
		files, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Len(t, files, 1)
		procs := withText(t, dir)
		require.Greater(t, len(procs), 3, "the helper, its reaper, a child and an escaped grandchild: %s", strings.Join(procs, "\n"))
		kill(t, cmd, s)
		nothingLeft(t, dir)
	}
}

func TestHarnessKilledAtRandomMoments(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	midway := 0
	for range 40 {
		dir := t.TempDir()
		cmd := victim(t, dir, "begin")
		n := random.IntN(200) // squared: more moments early, when least is in place
		time.Sleep(time.Duration(n*n) * time.Microsecond)
		kill(t, cmd, syscall.SIGKILL)
		if files, _ := os.ReadDir(dir); len(files) > 0 {
			midway++
		}
		nothingLeft(t, dir)
	}
	require.Positive(t, midway, "no kill came after the directory was made: nothing was tested")
	t.Logf("%d of 40 kills left something to clean up", midway)
}
