package host_test

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer/host"
)

func TestJudgeSwap(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		swap host.Swap
		want host.Level
	}{
		"not set up":        {host.Swap{}, host.Unset},
		"used up":           {host.Swap{Total: 1000}, host.Low},
		"just under":        {host.Swap{Total: 1000, Free: 99}, host.Low},
		"at the limit":      {host.Swap{Total: 1000, Free: 100}, host.Enough},
		"all free":          {host.Swap{Total: 1000, Free: 1000}, host.Enough},
		"nonsense, but not": {host.Swap{Free: 1}, host.Enough},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, host.JudgeSwap(10)(c.swap))
		})
	}
}

func TestReadSwap(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := host.ReadSwap(t.Context(), dir)
	require.ErrorContains(t, err, dir)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "meminfo"), []byte("nonsense\n"), 0o600))
	_, err = host.ReadSwap(t.Context(), dir)
	require.ErrorIs(t, err, host.ErrNoFigures)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "meminfo"), []byte("MemTotal: 9 kB\nMemAvailable: 5 kB\nSwapTotal: 2000 kB\nSwapFree: 30 kB\n"), 0o600))
	got, err := host.ReadSwap(t.Context(), dir)
	require.NoError(t, err)
	require.Equal(t, host.Swap{Total: 2000 << 10, Free: 30 << 10}, got)
}

func TestJudgeHooks(t *testing.T) {
	t.Parallel()
	restart := host.JudgeRestart(1, 0)
	for name, c := range map[string]struct {
		outcome                 host.Outcome
		restarted, isTerminated bool
	}{
		"0":         {host.Outcome{Code: 0}, false, true},
		"1":         {host.Outcome{Code: 1, Stderr: "words"}, true, false},
		"2":         {host.Outcome{Code: 2, Stderr: "words"}, false, false},
		"137":       {host.Outcome{Code: 137, Stderr: "words"}, false, false},
		"255":       {host.Outcome{Code: 255, Stderr: "words"}, false, false},
		"SIGKILL":   {host.Outcome{Code: -1, Signal: syscall.SIGKILL}, false, false},
		"timed out": {host.Outcome{Code: -1, TimedOut: true}, false, false},
		"missing":   {host.Outcome{Code: -1, Err: fs.ErrNotExist}, false, false},
		// A code is not to be believed when the command did not end by itself.
		"1 and timed out": {host.Outcome{Code: 1, TimedOut: true}, false, false},
		"0 and timed out": {host.Outcome{Code: 0, TimedOut: true}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for hook, err := range map[string]error{"restart": restart(c.outcome), "terminate": host.JudgeTerminate(c.outcome)} {
				if hook == "restart" && c.restarted || hook == "terminate" && c.isTerminated {
					require.NoError(t, err)
					continue
				}
				var typed *host.HookError
				require.ErrorAs(t, err, &typed)
				require.Equal(t, hook, typed.Hook)
				require.Equal(t, c.outcome, typed.Outcome)
				require.ErrorContains(t, err, c.outcome.Stderr)
				if c.outcome.Err != nil {
					require.ErrorIs(t, err, c.outcome.Err)
				}
			}
		})
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		script string
		check  func(*testing.T, host.Outcome)
	}{
		"0":          {"exit 0", func(t *testing.T, o host.Outcome) { require.Zero(t, o.Code) }},
		"137 itself": {"exit 137", func(t *testing.T, o host.Outcome) { require.Equal(t, 137, o.Code); require.Zero(t, o.Signal) }},
		"stderr": {"echo out of luck >&2; exit 3", func(t *testing.T, o host.Outcome) {
			require.Equal(t, 3, o.Code)
			require.Equal(t, "out of luck", o.Stderr)
			require.Contains(t, o.String(), "exit code 3, stderr: out of luck")
		}},
		"much stderr": {"yes | head -c 100000 >&2; echo last >&2; exit 1", func(t *testing.T, o host.Outcome) {
			require.LessOrEqual(t, len(o.Stderr), 2048)
			require.True(t, strings.HasSuffix(o.Stderr, "last"))
		}},
		"signal": {"kill -9 $$", func(t *testing.T, o host.Outcome) {
			require.Equal(t, syscall.SIGKILL, o.Signal)
			require.Contains(t, o.String(), "died by signal 9 (killed), code 137")
		}},
		"background": {"sleep 2 & exit 1", func(t *testing.T, o host.Outcome) { require.Equal(t, 1, o.Code); require.False(t, o.TimedOut) }},
		"hang": {"sleep 30 & echo $! > pid; wait", func(t *testing.T, o host.Outcome) {
			require.True(t, o.TimedOut)
			require.NotEqual(t, 0, o.Code)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limit := 10 * time.Second
			if name == "hang" { // only here the time must run out
				limit = 2 * time.Second
			}
			o := host.Command{Path: "/bin/sh", Args: []string{"-c", "cd " + t.TempDir() + "; " + c.script}, Timeout: limit}.Run(t.Context())
			c.check(t, o)
			if o.TimedOut {
				require.NotNil(t, host.JudgeTerminate(o))
			}
		})
	}
}

func TestHangKillsTheWholeGroup(t *testing.T) {
	t.Parallel()
	pidFile := filepath.Join(t.TempDir(), "pid")
	// Long enough that the shell comes to its wait, however slow the machine is.
	o := host.Command{Path: "/bin/sh", Args: []string{"-c", "sleep 60 & echo $! > $0; wait", pidFile}, Timeout: 3 * time.Second}.Run(t.Context())
	require.True(t, o.TimedOut)
	text, err := os.ReadFile(pidFile)
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return gone(pid) }, 10*time.Second, 5*time.Millisecond, "the grandchild lives on")
}

// gone tells whether a process has ended, reaped or not.
func gone(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || strings.Contains(string(stat), ") Z ")
}

func TestRunThatCannotStartOrIsStopped(t *testing.T) {
	t.Parallel()
	missing := host.Command{Path: filepath.Join(t.TempDir(), "missing")}.Run(t.Context())
	require.ErrorIs(t, missing.Err, fs.ErrNotExist)
	require.Equal(t, -1, missing.Code)

	plain := filepath.Join(t.TempDir(), "plain")
	require.NoError(t, os.WriteFile(plain, []byte("#!/bin/sh\n"), 0o600))
	require.ErrorIs(t, host.Command{Path: plain}.Run(t.Context()).Err, fs.ErrPermission)

	require.ErrorIs(t, host.Command{}.Run(t.Context()).Err, host.ErrNotSet)

	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	stopped := host.Command{Path: "/bin/sleep", Args: []string{"60"}}.Run(ctx)
	require.ErrorIs(t, stopped.Err, context.Canceled)
	require.False(t, stopped.TimedOut)
}

func TestInstanceIsAskedOnlyForWhatIsMissing(t *testing.T) {
	t.Parallel()
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.Path)
		switch {
		case r.URL.Path == "/latest/api/token" && r.Header.Get("X-aws-ec2-metadata-token-ttl-seconds") != "":
			_, _ = w.Write([]byte("token"))
		case r.Header.Get("X-aws-ec2-metadata-token") != "token":
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/latest/meta-data/instance-id":
			_, _ = w.Write([]byte("i-9\n"))
		case r.URL.Path == "/latest/meta-data/placement/region":
			_, _ = w.Write([]byte("eu-north-1"))
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(server.Close)

	id, region, err := host.Instance{ID: "i-1", Region: "r", Metadata: server.URL}.Resolve(t.Context())
	require.NoError(t, err)
	require.Equal(t, "i-1 r", id+" "+region)
	require.Empty(t, asked)

	id, region, err = host.Instance{Region: "r", Metadata: server.URL}.Resolve(t.Context())
	require.NoError(t, err)
	require.Equal(t, "i-9 r", id+" "+region)

	id, region, err = host.Instance{Metadata: server.URL}.Resolve(t.Context())
	require.NoError(t, err)
	require.Equal(t, "i-9 eu-north-1", id+" "+region)

	_, _, err = host.Instance{Metadata: server.URL + "/nowhere"}.Resolve(t.Context())
	require.ErrorContains(t, err, "401")
	server.Close()
	_, _, err = host.Instance{Metadata: server.URL}.Resolve(t.Context())
	require.ErrorContains(t, err, "INSTANCE_ID")
	require.False(t, errors.Is(err, context.Canceled))
}

// The instance metadata is this host's own: a proxy would answer with another's, or not at all. Package http
// reads the environment once, so the question is asked by a process of its own.
func TestMetadataIsNeverAskedThroughAProxy(t *testing.T) {
	const base = "METADATA_TEST_BASE"
	if metadata := os.Getenv(base); metadata != "" {
		id, _, err := host.Instance{Region: "r", Metadata: metadata}.Resolve(t.Context())
		require.NoError(t, err)
		require.Equal(t, "i-9", id)
		_, err = (&host.Notices{Metadata: metadata}).Ask(t.Context())
		require.NoError(t, err)
		return
	}
	t.Parallel()
	serve := func(answer func(http.ResponseWriter, *http.Request)) (port string) {
		s := httptest.NewServer(http.HandlerFunc(answer))
		t.Cleanup(s.Close)
		_, port, err := net.SplitHostPort(s.Listener.Addr().String())
		require.NoError(t, err)
		return port
	}
	metadata := serve(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/instance-action") {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = w.Write([]byte("i-9"))
	})
	proxy := serve(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "asked through the proxy", http.StatusBadGateway)
	})

	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	// An address that package http does not spare by itself, as it does 127.0.0.1, and which is this host all the same.
	cmd.Env = append(os.Environ(), base+"=http://0.0.0.0:"+metadata, "HTTP_PROXY=http://127.0.0.1:"+proxy, "http_proxy=", "NO_PROXY=", "no_proxy=")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "PASS")
}
