package extension

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/harness/broker"
	"github.com/comeback-chaos/xk6-comeback/harness/child"
	"github.com/comeback-chaos/xk6-comeback/harness/target/targettest"
)

// project is a folder with freshly built binaries and our comeback.yaml, as after `make build`.
var project string

// shared is the broker of all runs that need none of their own, each in its own vhost.
var shared broker.Broker

func TestMain(m *testing.M) {
	if addr := os.Getenv(idleEnv); addr != "" {
		os.Exit(idle(addr))
	}
	os.Exit(func() int {
		var err error
		if project, err = os.MkdirTemp("", "comeback-extension-"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(project)
		if err := build(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		group, err := child.NewGroup(context.Background(), child.Options{})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer group.Close()
		if shared, err = broker.Open(context.Background(), "local", group, nil); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

func build() error {
	cmd := exec.Command("go", "build", "-o", filepath.Join(project, "bin")+"/",
		"../cmd/k6", "../targets/consumer/cmd/consumer", "../targets/legacy/cmd/legacy-consumer", "../targets/proxy/cmd/proxy", "../targets/legacy/cmd/legacy-proxy")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build what is tested: %w\n%s", err, out)
	}
	text, err := os.ReadFile("../comeback.yaml")
	if err != nil {
		return err
	}
	if text, err = targettest.Patient(text); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(project, "comeback.yaml"), text, 0o600)
}

// result is how a k6 process ended.
type result struct {
	code   int
	output string // stdout and stderr
	out    string // the run's folder
}

// k6 runs our k6 in the project, bounded in time.
func k6(t *testing.T, env []string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(project, "bin", "k6"), args...)
	cmd.Dir = project
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	require.NoError(t, ctx.Err(), "k6 hangs:\n%s", out)
	if err != nil {
		require.IsType(t, &exec.ExitError{}, err)
	}
	return result{code: cmd.ProcessState.ExitCode(), output: string(out)}
}

// script writes a script with a small incident at its top.
func script(t *testing.T, expect, body string) string {
	t.Helper()
	return lasting(t, "4s", expect, body)
}

// lasting is script with a load of another length.
func lasting(t *testing.T, load, expect, body string) string {
	t.Helper()
	text := "import { incident, faults } from 'k6/x/comeback';\n" +
		"const run = incident({ id: 'A8', target: 'consumer', load: { rate: 50, duration: '" + load + "' }, expect: " + expect + " });\n" +
		"export const options = run.options;\n" + body
	path := filepath.Join(t.TempDir(), "story.js")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// run runs a script on the shared broker and keeps its folder.
func run(t *testing.T, file string, args ...string) result {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out")
	vhost := t.Name()
	require.NoError(t, shared.AddVhost(t.Context(), vhost))
	r := k6(t, []string{broker.EnvChoice + "=" + shared.URL(vhost)}, append([]string{"run", "--quiet", "-e", "OUT=" + out}, append(args, file)...)...)
	r.out = out
	return r
}

// verdictLine is the line of the output that tells the verdict.
func (r result) verdictLine() string {
	for _, line := range strings.Split(r.output, "\n") {
		for _, word := range []string{"PASS", "FAIL", "UNKNOWN", "comeback: "} {
			if strings.HasPrefix(line, word) {
				return line
			}
		}
	}
	return ""
}
