package target

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const good = `version: 1
targets:
  consumer:
    command: [bin/consumer, --x, "{queue}"]
    legacy: [bin/legacy, --defect, "{defect}"]
    queue: jobs
    env:
      AMQP_URL: "{broker}"
      PLAIN: "1"
    features:
      plain: {}
      single: {PLAIN: "2", ONE: "{queue}"}
    ready: {http: "http://{listen}/readyz", within: 5s}
`

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), FileName)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestLoadResolves(t *testing.T) {
	t.Parallel()
	path := write(t, good)
	f, err := Load(path)
	require.NoError(t, err)
	tg, err := f.Target("consumer")
	require.NoError(t, err)
	require.Equal(t, 1, tg.Instances)
	require.Equal(t, 5*time.Second, tg.Ready.Limit)
	require.Equal(t, 10*time.Second, tg.Stop.Limit)

	a := Addresses{Broker: "amqp://b", Queue: "jobs", Listen: "127.0.0.1:1"}
	s, err := tg.Resolve(a, "", nil)
	require.NoError(t, err)
	require.Equal(t, Start{
		Path: filepath.Join(filepath.Dir(path), "bin/consumer"), Args: []string{"--x", "jobs"},
		Env: []string{"AMQP_URL=amqp://b", "PLAIN=1"}, Ready: "http://127.0.0.1:1/readyz",
	}, s)

	s, err = tg.Resolve(a, "A5", nil)
	require.NoError(t, err)
	require.Equal(t, []string{"--defect", "A5"}, s.Args)
	require.NotContains(t, a, Defect, "the caller's addresses stay as they were")

	s, err = tg.Resolve(a, "", []string{"single"})
	require.NoError(t, err)
	require.Equal(t, []string{"AMQP_URL=amqp://b", "ONE=jobs", "PLAIN=2"}, s.Env)
	_, err = tg.Resolve(a, "", []string{"single", "wings", "fins"})
	require.ErrorIs(t, err, ErrLacks)
	require.ErrorContains(t, err, "wings, fins: its entry consumer in comeback.yaml does not list it")

	_, err = f.Target("nobody")
	require.ErrorContains(t, err, `no target "nobody"; it has consumer`)
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"unknown key":         {"version: 1\ntargets:\n  a:\n    comand: [x]\n", "[4:5]"},
		"not yaml":            {"version: [\n", "[1:10]"},
		"no version":          {"targets: {}\n", "version: 0 is not known here"},
		"no command":          {"version: 1\ntargets:\n  a: {queue: q, ready: {http: u}}\n", "targets.a.command: missing"},
		"no queue":            {"version: 1\ntargets:\n  a: {command: [x], ready: {http: u}}\n", "targets.a.queue: missing"},
		"no ready":            {"version: 1\ntargets:\n  a: {command: [x], queue: q}\n", "targets.a.ready.http: missing"},
		"too many":            {"version: 1\ntargets:\n  a: {command: [x], queue: q, ready: {http: u}, instances: 17}\n", "instances: 17, want 1 to 16"},
		"unknown placeholder": {"version: 1\ntargets:\n  a: {command: [x], queue: q, ready: {http: u}, env: {A: \"{brokr}\"}}\n", "env.A: unknown placeholder {brokr}"},
		"password in command": {"version: 1\ntargets:\n  a: {command: [x, \"{broker}\"], queue: q, ready: {http: u}}\n", "command: {broker} holds a password"},
		"defect in command":   {"version: 1\ntargets:\n  a: {command: [\"{defect}\"], queue: q, ready: {http: u}}\n", "command: unknown placeholder {defect}"},
		"bad duration":        {"version: 1\ntargets:\n  a: {command: [x], queue: q, ready: {http: u, within: soon}}\n", `targets.a.ready.within: "soon", want a duration`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := write(t, c.text)
			_, err := Load(path)
			require.ErrorContains(t, err, c.want)
			require.ErrorContains(t, err, path)
		})
	}
}

func TestResolveWithoutLegacy(t *testing.T) {
	t.Parallel()
	_, err := Target{Name: "a", Command: []string{"x"}}.Resolve(nil, "A5", nil)
	require.ErrorContains(t, err, `target a has no defect "A5"`)
}

func TestFind(t *testing.T) {
	t.Parallel()
	path := write(t, good)
	below := filepath.Join(filepath.Dir(path), "a", "b")
	require.NoError(t, os.MkdirAll(below, 0o700))
	got, err := Find(below)
	require.NoError(t, err)
	require.Equal(t, path, got)

	_, err = Find(t.TempDir())
	require.ErrorIs(t, err, ErrNoFile)
}
