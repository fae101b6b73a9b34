package extension

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// TestCannotRun wants a clear error and exit code 3 where a run cannot be.
func TestCannotRun(t *testing.T) {
	t.Parallel()
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	dead := nobody.Addr().String()
	require.NoError(t, nobody.Close())
	honest := script(t, "{ recovery: '3s' }", begins+submits+tells)
	for name, c := range map[string]struct {
		args []string
		want []string
	}{
		"unknown defect":     {[]string{"-e", "DEFECT=A99-nope"}, []string{"start the target", "exit 2", "A99-nope"}},
		"broker not there":   {[]string{"-e", "BROKER=amqp://guest:secret@" + dead + "/"}, []string{"start the broker", dead, "refused"}},
		"broker is no URL":   {[]string{"-e", "BROKER=rabbit"}, []string{`unknown choice "rabbit"`}},
		"bad seed":           {[]string{"-e", "SEED=x"}, []string{`SEED: "x", want a whole number`}},
		"no targets file":    {[]string{"-e", "TARGETS=nowhere.yaml"}, []string{"nowhere.yaml"}},
		"folder is a file":   {[]string{"-e", "OUT=/dev/null/x"}, []string{"run folder /dev/null/x"}},
		"no rabbitmq-server": {[]string{"-e", "BROKER=local"}, []string{"apt-get install", "rabbitmq-server"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			slot(t)
			var env []string
			if name == "no rabbitmq-server" {
				env = []string{"COMEBACK_RABBITMQ_HOME=" + t.TempDir()}
			}
			args := append([]string{"run", "--quiet", "-e", "OUT=" + filepath.Join(t.TempDir(), "out")}, c.args...)
			r := k6(t, env, append(args, honest)...)
			require.Equal(t, exitNotRun, r.code, "%s", r.output)
			for _, want := range c.want {
				require.Contains(t, r.verdictLine(), want)
			}
			require.NotContains(t, r.output, "secret")
		})
	}
}

// TestFullDisk gives a run a folder on a disk that is full at once, and one that fills up in the run.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to mount a small disk")
	}
	file := script(t, "{ recovery: '3s' }", begins+submits+tells)
	t.Run("at once", func(t *testing.T) {
		t.Parallel()
		slot(t)
		disk := smallDisk(t, "4k")
		require.ErrorIs(t, os.WriteFile(filepath.Join(disk, "filler"), make([]byte, 1<<20), 0o600), syscall.ENOSPC)
		r := k6(t, nil, "run", "--quiet", "-e", "OUT="+filepath.Join(disk, "out"), file)
		require.Equal(t, exitNotRun, r.code, "%s", r.output)
		require.Contains(t, r.verdictLine(), "no space left on device")
	})
	t.Run("in the run", func(t *testing.T) {
		t.Parallel()
		slot(t)
		disk := smallDisk(t, "1m")
		p, _ := beginIn(t, file, filepath.Join(disk, "out"))
		awaitEvent(t, filepath.Join(disk, "out"), history.LoadBegin)
		require.ErrorIs(t, os.WriteFile(filepath.Join(disk, "filler"), make([]byte, 2<<20), 0o600), syscall.ENOSPC)
		_ = p.Wait()
		require.Equal(t, exitNotRun, p.ProcessState.ExitCode())
	})
}

func smallDisk(t *testing.T, size string) string {
	t.Helper()
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("cannot mount a small disk: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) })
	return disk
}

// plain is an incident with nothing wrong in it.
const plain = "incident({ id: 'C1', target: 'c', load: { rate: 1, duration: '2s' } })"

// TestBadScripts wants the place of what is wrong in a script.
func TestBadScripts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"unknown key":     {"incident({ id: 'A1', targt: 'consumer' })", "targt"},
		"no target":       {"incident({ id: 'A1', load: { rate: 1, duration: '2s' } })", "target: missing"},
		"bad duration":    {"incident({ id: 'A1', target: 'c', load: { rate: 1, duration: 2 } })", "duration 2, want a string such as '2s'"},
		"bad rate":        {"incident({ id: 'A1', target: 'c', load: { rate: -1, duration: '2s' } })", "load.rate: -1 a second"},
		"bad count":       {"incident({ id: 'A1', target: 'c', load: { rate: 1, duration: '2s' }, expect: { alerts: { min: 2, max: 1 } } })", "want 0 <= min <= max"},
		"two incidents":   {"const l = { rate: 1, duration: '2s' }; incident({ id: 'A1', target: 'c', load: l }); incident({ id: 'A2', target: 'c', load: l })", "incident() was called twice"},
		"no object":       {"incident('A1')", "incident() wants an object"},
		"no backends":     {"incident({ id: 'C1', target: 'c', load: { rate: 1, duration: '2s' }, backends: 0 })", "backends: 0, want 1 to 16"},
		"bad backend":     {"incident({ id: 'C1', target: 'c', load: { rate: 1, duration: '2s' }, backends: [{}, { thread: 1 }] })", "backends[1]: upstream script: json: unknown field"},
		"client of nil":   {plain + ".client()", "run.client() wants k6's http module: import http from 'k6/http'"},
		"client of else":  {plain + ".client({ get() {} })", "what it was given has no request()"},
		"good is no test": {plain + ".client({ request() {} }, 'good')", "could not convert function call parameter 1"},
		"bad rule":        {"faults.backend([{ do: 'dance' }])", "dance"},
		"bad rule's key":  {"faults.backend([{ do: 'slow', dely: '1s' }])", "dely"},
		"which backend":   {"faults.backendDown(1)", "argument 1 is too many; usage: faults.backendDown({ … })"},
		"unknown fault":   {"faults.explode()", "explode"},
		"bad fault":       {"faults.swap('high', 'low')", "argument 2 is too many; usage: faults.swap(state, { … })"},
		"bad fault param": {"faults.on('ack', 'cut', { nht: 5 })", "nht"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "bad.js")
			text := fmt.Sprintf("import { incident, faults } from 'k6/x/comeback';\n%s;\nexport default function () {}", c.text)
			require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
			r := k6(t, nil, "run", "--quiet", file)
			require.NotZero(t, r.code)
			require.Contains(t, r.output, c.want)
			require.Contains(t, r.output, "bad.js:2", "the place in the script")
		})
	}
}
