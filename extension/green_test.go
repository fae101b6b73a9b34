package extension

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/harness"
	"github.com/comeback-chaos/xk6-comeback/harness/check"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

const (
	begins  = "export function setup() { run.start(); }\n"
	submits = "export function load() { run.submit({ prompt: 'x' }); }\n"
	cut     = "const f = await run.inject(faults.on('ack', 'cut', { nth: 5 })); await f.inEffect(); await f.heal(); await run.recovered();"
	tells   = "export async function story() { await run.steady(); " + cut + " }\n"
)

// TestNoScriptAvoidsItsVerdict runs scripts that do what plain k6 counts as green.
func TestNoScriptAvoidsItsVerdict(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		expect, body string
		args         []string
		green        bool
		want         string
	}{
		"the honest one passes":   {body: begins + submits + tells, green: true, want: "PASS"},
		"spends its fault":        {body: begins + submits + "export async function story() { await run.steady(); const f = await run.inject(faults.on('ack', 'cut', { times: 2 })); await f.spent(); await f.heal(); await run.recovered(); }", green: true, want: "PASS"},
		"spends an endless one":   {body: begins + submits + "export async function story() { await run.steady(); const f = await run.inject(faults.on('ack', 'cut')); await f.spent(); }", want: "give it a number of times"},
		"never starts":            {body: "export function load() {}\nexport function story() {}", want: "started no run"},
		"throws in all":           {body: begins + "export function load() { throw new Error('boom'); }\n" + tells, want: "unknown"},
		"throws after its submit": {body: begins + "export function load() { run.submit({ prompt: 'x' }); throw new Error('boom'); }\n" + tells, want: "unknown"},
		"throws in setup":         {body: "export function setup() { run.start(); throw new Error('boom'); }\n" + submits + tells, want: "unknown"},
		"throws in teardown":      {body: begins + submits + tells + "export function teardown() { throw new Error('boom'); }", want: "boom"},
		"rejects a promise":       {body: begins + submits + "export async function story() { await run.steady(); " + cut + " Promise.reject(new Error('boom')); }", want: "boom"},
		"submits nothing":         {body: begins + "export function load() {}\n" + tells, want: "unknown"},
		"injects nothing":         {body: begins + submits + "export async function story() { await run.steady(); await run.loadEnd(); }", want: "no fault was injected"},
		"fault touches nothing":   {body: begins + submits + "export async function story() { await run.steady(); const f = await run.inject(faults.on('ack', 'cut', { nth: 1e6 })); await f.heal(); await run.recovered(); }", want: "never seen to touch"},
		"heals nothing":           {body: begins + submits + "export async function story() { await run.steady(); const f = await run.inject(faults.on('ack', 'cut', { nth: 5 })); await f.inEffect(); }", want: "unknown"},
		"tells its end too late":  {body: begins + submits + "export async function story() { await run.steady(); " + cut + " await run.loadEnd(); try { await run.inject(faults.on('ack', 'cut')); } catch (e) {} }", want: "the load has ended"},
		"injects in a control":    {expect: "{ noFault: true }", body: begins + submits + tells, want: "FAIL"},
		"swallows its errors":     {body: begins + submits + "export async function story() { try { await run.steady(); throw 1; } catch (e) {} }\nexport function handleSummary() { throw 2; }", want: "unknown"},
		"aborts":                  {body: "import exec from 'k6/execution';\n" + begins + submits + "export async function story() { await run.steady(); exec.test.abort('enough'); }", want: "unknown"},
		"thresholds say yes":      {body: begins + "export function load() {}\nexport function story() {}\noptions.thresholds = { 'checks{nothing:here}': ['rate>0.9'] };", want: "unknown"},
		"is cut to one iteration": {body: begins + submits + tells + "export default load;", args: []string{"--iterations", "1"}, want: "unknown"},
		"is slower than it says":  {body: begins + submits + tells + "options.scenarios.load.rate = 20;", want: "load-reached"},
		"asks a queue":            {body: "import http from 'k6/http';\nconst site = run.client(http);\n" + begins + "export function load() { site.get('/'); }\n" + tells, want: "answers no requests: use submit()"},
		"starts in an iteration":  {body: "export function load() { run.start(); run.submit({}); }\n" + tells, want: "belongs in setup()"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			slot(t)
			if c.expect == "" {
				c.expect = "{ recovery: '3s' }"
			}
			load := "4s"
			if c.green {
				load = "10s" // a recovery is measured while the load lasts, and k6 may drop what is due in the last 100 ms
			}
			r := run(t, lasting(t, load, c.expect, c.body), c.args...)
			require.Contains(t, r.output, c.want)
			if c.green {
				require.Zero(t, r.code, "%s", r.output)
				return
			}
			// On a busy machine the target may fail as well, which outranks unknown.
			require.Contains(t, []int{check.Fail.Code(), check.Unknown.Code()}, r.code, "%s", r.output)
			require.NotContains(t, r.output, "\nPASS ")
		})
	}
}

// slots bounds the labs that run side by side: each has a broker and a load that must be reached.
var slots = make(chan struct{}, 3)

func slot(t *testing.T) {
	slots <- struct{}{}
	t.Cleanup(func() { <-slots })
}

func TestImportAloneIsNotGreen(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "nothing.js")
	require.NoError(t, os.WriteFile(file, []byte("import 'k6/x/comeback';\nexport default function () {}"), 0o600))
	r := run(t, file)
	require.Equal(t, check.Unknown.Code(), r.code, "%s", r.output)
	require.Contains(t, r.output, "started no run")
}

func TestCtrlCIsNotGreen(t *testing.T) {
	t.Parallel()
	slot(t)
	p, out, tmp := begin(t, script(t, "{ noFault: true }", begins+submits+"export async function story() { await run.loadEnd(); }"))
	awaitEvent(t, out, history.LoadBegin)
	require.NoError(t, p.Process.Signal(os.Interrupt))
	_ = p.Wait()
	require.Equal(t, check.Unknown.Code(), p.ProcessState.ExitCode())
	j, err := harness.Judge(out)
	require.NoError(t, err)
	require.Equal(t, check.Unknown, j.Verdict)
	requireNothingLeft(t, tmp)
}

// begin starts a run and gives its process, its folder, and the folder that its lab lies in.
func begin(t *testing.T, file string) (p *exec.Cmd, out, tmp string) {
	t.Helper()
	out = filepath.Join(t.TempDir(), "out")
	p, tmp = beginIn(t, file, out)
	return p, out, tmp
}

func beginIn(t *testing.T, file, out string) (p *exec.Cmd, tmp string) {
	t.Helper()
	tmp, err := os.MkdirTemp("", "cb") // short: a unix socket's path may have 107 bytes
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(tmp) })
	p = exec.Command(filepath.Join(project, "bin", "k6"), "run", "--quiet", "-e", "OUT="+out, file)
	p.Dir = project
	p.Env = append(os.Environ(), "TMPDIR="+tmp)
	p.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, p.Start())
	t.Cleanup(func() { _ = syscall.Kill(-p.Process.Pid, syscall.SIGKILL) })
	return p, tmp
}

// awaitEvent waits until a run that goes on has recorded an event of a kind.
func awaitEvent(t *testing.T, out string, kind history.Kind) {
	t.Helper()
	require.Eventually(t, func() bool {
		r, err := history.Open(filepath.Join(out, harness.HistoryFile))
		if err != nil {
			return false
		}
		defer r.Close()
		for e, err := range r.All() {
			if err != nil {
				return false
			}
			if e.Kind == kind {
				return true
			}
		}
		return false
	}, time.Minute, 50*time.Millisecond)
}
