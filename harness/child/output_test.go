package child_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/harness/child"
)

func TestLinesGoToFileAndListener(t *testing.T) {
	t.Parallel()
	var out lines
	logs := filepath.Join(t.TempDir(), "made", "on demand")
	g := newGroup(t, child.Options{OnLine: out.add, LogDir: logs})
	s := shell(`echo one; echo two >&2; printf 'three\r\n\nsecret\nlast without end'`)
	s.Name = "consumer/0"
	s.Edit = func(line string) (string, bool) { return strings.ToUpper(line), line != "secret" }
	s.CaptureStdout = true
	p := start(t, g, s)
	await(t, p.Drained())

	want := []string{"ONE", "TWO", "THREE", "", "LAST WITHOUT END"}
	var told []string
	for _, line := range out.list() {
		told = append(told, strings.TrimPrefix(line, "consumer/0: "))
	}
	require.ElementsMatch(t, want, told)
	b, err := os.ReadFile(filepath.Join(logs, "consumer-0.log"))
	require.NoError(t, err)
	require.Equal(t, strings.Join(told, "\n")+"\n", string(b))
	require.Equal(t, "one\nthree\n\nsecret\nlast without end\n", string(p.Stdout()))
}

func TestRestartAppendsToTheLogFile(t *testing.T) {
	t.Parallel()
	logs := t.TempDir()
	g := newGroup(t, child.Options{LogDir: logs})
	for _, word := range []string{"first", "second"} {
		await(t, start(t, g, shell("echo "+word)).Drained())
	}
	b, err := os.ReadFile(filepath.Join(logs, "sh.log"))
	require.NoError(t, err)
	require.Equal(t, "first\nsecond\n", string(b))
}

func TestLogFileNamesStayInTheirFolder(t *testing.T) {
	t.Parallel()
	logs := t.TempDir()
	g := newGroup(t, child.Options{LogDir: logs})
	for _, name := range []string{"../x", "..", "/etc/passwd", "a b\x00ü", ""} {
		s := shell("echo hi")
		s.Name = name
		await(t, start(t, g, s).Drained())
	}
	var names []string
	files, err := os.ReadDir(logs)
	require.NoError(t, err)
	for _, f := range files {
		names = append(names, f.Name())
	}
	require.ElementsMatch(t, []string{"..-x.log", "...log", "-etc-passwd.log", "a-b--.log", ".log"}, names)
}

func TestLongLinesAreCut(t *testing.T) {
	t.Parallel()
	const limit = 64 << 10
	tests := []struct{ bytes, want int }{{limit - 1, limit - 1}, {limit, limit}, {limit + 1, limit}, {10 * limit, limit}}
	for _, tt := range tests {
		var out lines
		g := newGroup(t, child.Options{OnLine: out.add})
		p := start(t, g, shell(fmt.Sprintf("head -c %d /dev/zero | tr '\\0' x; echo; echo next", tt.bytes)))
		await(t, p.Drained())
		require.Equal(t, []string{"sh: " + strings.Repeat("x", tt.want), "sh: next"}, out.list())
	}
}

func TestSlowListenerDoesNotHoldUpTheChild(t *testing.T) {
	t.Parallel()
	const total = 20000
	var out lines
	release := make(chan struct{})
	logs := t.TempDir()
	g := newGroup(t, child.Options{LogDir: logs, OnLine: func(name, line string) {
		<-release
		out.add(name, line)
	}})
	p := start(t, g, shell(fmt.Sprintf("i=0; while [ $i -lt %d ]; do i=$((i+1)); echo line; done", total)))
	await(t, p.Done()) // although nobody listens
	close(release)
	await(t, p.Drained())

	got, missing := 0, 0
	for _, line := range out.list() {
		n := 0
		if _, err := fmt.Sscanf(line, "sh: (%d lines are missing here", &n); err == nil {
			missing += n
			continue
		}
		require.Equal(t, "sh: line", line)
		got++
	}
	require.Positive(t, missing)
	require.Equal(t, total, got+missing, "every line is told of or counted")
	b, err := os.ReadFile(filepath.Join(logs, "sh.log"))
	require.NoError(t, err)
	require.Equal(t, total, strings.Count(string(b), "line\n"))
}

func TestHeirOfThePipeDoesNotHoldUpDone(t *testing.T) {
	t.Parallel()
	var out lines
	g := newGroup(t, child.Options{OnLine: out.add})
	p := start(t, g, shell("setsid sh -c 'echo heir; exec sleep 1000' & echo parent"))
	await(t, p.Done())
	out.has(t, "sh: heir")
	out.has(t, "sh: parent")
	require.Equal(t, "exit 0", p.Exit().String())
	require.NoError(t, g.Close()) // which ends the heir
	await(t, p.Drained())
}
