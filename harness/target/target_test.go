package target

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
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

// site is an entry of a target that answers requests, with this config.
func site(config string) string {
	return "version: 1\ntargets:\n  a: {command: [x, '{config}'], http: 'http://{listen}', config: \"" + config + "\", ready: {http: u}}\n"
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"unknown key":          {"version: 1\ntargets:\n  a:\n    comand: [x]\n", "[4:5]"},
		"not yaml":             {"version: [\n", "[1:10]"},
		"no version":           {"targets: {}\n", "version: 0 is not known here"},
		"no address":           {"version: 1\ntargets:\n  a: {command: [x], ready: {http: u}}\n", "or http, the address where it answers requests"},
		"no command":           {"version: 1\ntargets:\n  a: {queue: q, ready: {http: u}}\n", "targets.a.command: missing"},
		"no queue":             {"version: 1\ntargets:\n  a: {command: [x], ready: {http: u}}\n", "targets.a.queue: missing"},
		"queue and http":       {"version: 1\ntargets:\n  a: {command: [x], queue: q, http: u, ready: {http: u}}\n", "not both"},
		"config of a queue":    {"version: 1\ntargets:\n  a: {command: [x], queue: q, config: u, ready: {http: u}}\n", "only a target with http"},
		"two that answer":      {"version: 1\ntargets:\n  a: {command: [x], http: u, instances: 2, ready: {http: u}}\n", "instances: 2, want 1"},
		"config unfinished":    {site(`{{.Listen`), "targets.a.config: template: config:1: unclosed action"},
		"config of nothing":    {site(`{{.Lisen}}`), "can't evaluate field Lisen"},
		"config of braces":     {site(`bind {listen}`), "targets.a.config: {listen} stays as it is there: it is a template, in which {{.Listen}}"},
		"config of no feature": {site(`{{if .Needs.narow}}x{{end}}`), "map has no entry for key \"narow\""},
		"config, line 2":       {site(`a\n{{range .Backends}}{{.Nme}}{{end}}`), "template: config:2:"},
		"config, not told":     {"version: 1\ntargets:\n  a: {command: [x], http: 'http://{listen}', config: c, ready: {http: u}}\n", "targets.a.config: the target is never told of it"},
		"config, missing":      {"version: 1\ntargets:\n  a: {command: [x, '{config}'], http: 'http://{listen}', ready: {http: u}}\n", "targets.a.config: missing: the text of the file {config}"},
		"http of nowhere":      {"version: 1\ntargets:\n  a: {command: [x], http: '{broke}', ready: {http: u}}\n", "http: unknown placeholder {broke}; known are {listen} {admin}"},
		"http of no scheme":    {"version: 1\ntargets:\n  a: {command: [x], http: '{listen}', ready: {http: u}}\n", `targets.a.http: "{listen}", want an address such as "http://{listen}"`},
		"http of TLS":          {"version: 1\ntargets:\n  a: {command: [x], http: 'https://{listen}', ready: {http: u}}\n", "targets.a.http: "},
		"http with a slash":    {"version: 1\ntargets:\n  a: {command: [x], http: 'http://{listen}/', ready: {http: u}}\n", "with no / at its end"},
		"broker of a site":     {"version: 1\ntargets:\n  a: {command: [x], http: 'http://{listen}', ready: {http: u}, env: {A: '{broker}'}}\n", "env.A: {broker} is nothing to a target that answers requests"},
		"admin of a queue":     {"version: 1\ntargets:\n  a: {command: [x], queue: q, ready: {http: 'http://{admin}/'}}\n", "ready.http: {admin} is nothing to a target that consumes a queue"},
		"feature of nothing":   {"version: 1\ntargets:\n  a: {command: [x], queue: q, ready: {http: u}, features: {f: {A: '{nil}'}}}\n", "features.f.A: unknown placeholder {nil}"},
		"no ready":             {"version: 1\ntargets:\n  a: {command: [x], queue: q}\n", "targets.a.ready.http: missing"},
		"too many":             {"version: 1\ntargets:\n  a: {command: [x], queue: q, ready: {http: u}, instances: 17}\n", "instances: 17, want 1 to 16"},
		"unknown placeholder":  {"version: 1\ntargets:\n  a: {command: [x], queue: q, ready: {http: u}, env: {A: \"{brokr}\"}}\n", "env.A: unknown placeholder {brokr}"},
		"password in command":  {"version: 1\ntargets:\n  a: {command: [x, \"{broker}\"], queue: q, ready: {http: u}}\n", "command: {broker} holds a password"},
		"defect in command":    {"version: 1\ntargets:\n  a: {command: [\"{defect}\"], queue: q, ready: {http: u}}\n", "command: unknown placeholder {defect}"},
		"workers unplaced":     {"version: 1\ntargets:\n  a: {command: [x], http: 'http://{listen}', workers: 4, ready: {http: u}}\n", "targets.a.workers: 4, want the number that it is deployed with"},
		"workers of a queue":   {"version: 1\ntargets:\n  a: {command: [x, '{workers}'], queue: q, ready: {http: u}}\n", "{workers} is nothing to a target that consumes a queue"},
		"bad duration":         {"version: 1\ntargets:\n  a: {command: [x], queue: q, ready: {http: u, within: soon}}\n", `targets.a.ready.within: "soon", want a duration`},
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

func TestConfigure(t *testing.T) {
	t.Parallel()
	f, err := Load(write(t, `version: 1
targets:
  proxy:
    command: [bin/proxy, "{config}"]
    http: "http://{listen}"
    ready: {http: "http://{admin}/readyz"}
    config: |
      bind {{.Listen}}
      {{- range .Backends}}
      server {{.Name}} {{.Addr}} at {{.URL}} of {{.Version}}
      {{- end}}
      {{- if .Needs.narrow}}
      limit 1
      {{- end}}
    features: {narrow: {}}
`))
	require.NoError(t, err)
	tg, err := f.Target("proxy")
	require.NoError(t, err)
	c := Config{Listen: "127.0.0.1:1", Backends: []Backend{{"backend-0", "127.0.0.1", "2", "1"}, {"backend-1", "127.0.0.1", "3", "2"}}, Needs: tg.Needing(nil)}
	text, err := tg.Configure(c)
	require.NoError(t, err)
	require.Equal(t, "bind 127.0.0.1:1\nserver backend-0 127.0.0.1:2 at http://127.0.0.1:2 of 1\nserver backend-1 127.0.0.1:3 at http://127.0.0.1:3 of 2\n", text)
	c.Needs = tg.Needing([]string{"narrow"})
	narrow, err := tg.Configure(c)
	require.NoError(t, err)
	require.Equal(t, text+"limit 1\n", narrow)
	s, err := tg.Resolve(Addresses{Listen: "127.0.0.1:1", Admin: "127.0.0.1:9", ConfigAt: "/run/config"}, "", nil)
	require.NoError(t, err)
	require.Equal(t, "http://127.0.0.1:1", s.HTTP)
	require.Equal(t, "http://127.0.0.1:9/readyz", s.Ready)
	require.Equal(t, []string{"/run/config"}, s.Args)
}

// The entries that docs/targets.md shows can be loaded, and it names all that one can be told.
func TestDocument(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/targets.md")
	require.NoError(t, err)
	shown := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	require.Len(t, shown, 3)
	for _, m := range shown {
		text := m[1]
		if !strings.HasPrefix(text, "version:") {
			text = "version: 1\ntargets:\n" + text
		}
		_, err := Load(write(t, text))
		require.NoError(t, err)
	}
	for _, name := range slices.Concat(ofQueue, ofRequests) {
		require.Contains(t, string(page), "`{"+name+"}`")
	}
	for _, typ := range []reflect.Type{reflect.TypeFor[Config](), reflect.TypeFor[Backend]()} {
		for i := range typ.NumField() {
			require.Contains(t, string(page), "."+typ.Field(i).Name)
		}
		for i := range typ.NumMethod() {
			require.Contains(t, string(page), "{{."+typ.Method(i).Name+"}}")
		}
	}
}

// docs/targets.md tells what each feature of a target that answers requests asks for.
func TestDocumentOfFeatures(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/targets.md")
	require.NoError(t, err)
	f, err := Load("../../" + FileName)
	require.NoError(t, err)
	for name, entry := range f.Targets {
		for feature := range entry.Features {
			if entry.HTTP != "" {
				require.Contains(t, string(page), "`"+feature+"`", name)
			}
		}
	}
}

func TestOurOwnTargets(t *testing.T) {
	t.Parallel()
	f, err := Load("../../" + FileName)
	require.NoError(t, err)
	for _, name := range []string{"consumer", "recovering", "proxy", "haproxy", "nginx", "gunicorn", "known"} {
		_, err := f.Target(name)
		require.NoError(t, err)
	}
}

func TestSweptTarget(t *testing.T) {
	t.Parallel()
	f, err := One("server", "/home/me", Target{
		Command: []string{"venv/bin/gunicorn", "app:app", "-b", "{listen}", "-w", "{workers}"}, Folder: "site", Workers: 4,
		HTTP: "http://{listen}", Ready: Ready{HTTP: "http://{listen}/"},
	})
	require.NoError(t, err)
	tg, err := f.Target("server")
	require.NoError(t, err)
	require.True(t, tg.Swept())
	s, err := tg.Resolve(Addresses{Listen: "127.0.0.1:1", Workers: "3"}, "", nil)
	require.NoError(t, err)
	require.Equal(t, "/home/me/venv/bin/gunicorn", s.Path)
	require.Equal(t, []string{"app:app", "-b", "127.0.0.1:1", "-w", "3"}, s.Args)
	require.Equal(t, "/home/me/site", s.Dir)
	tg.Folder = "/srv"
	s, err = tg.Resolve(Addresses{}, "", nil)
	require.NoError(t, err)
	require.Equal(t, "/srv", s.Dir)
	_, err = One("server", "/", Target{HTTP: "http://{listen}", Ready: Ready{HTTP: "u"}})
	require.ErrorContains(t, err, "command: missing")
}
