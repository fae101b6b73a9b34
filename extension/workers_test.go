package extension

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/fakes/asgi"
	"github.com/comeback-chaos/xk6-comeback/harness/check"
	"github.com/comeback-chaos/xk6-comeback/reports"
)

// gunicorn is the command of a server that waits for a database and then tells each of its workers.
var gunicorn = []string{"/usr/bin/gunicorn", "plain:application", "-b", "{listen}", "-w", "{workers}", "-k", "uvicorn.workers.UvicornWorker"}

// askWorkers runs `k6 x comeback workers` with flags of its own on a command.
func askWorkers(t *testing.T, flags string, command ...string) (result, *check.Judgement) {
	t.Helper()
	slot(t) // a lab is a lab: it wants some of the machine
	out := filepath.Join(t.TempDir(), "out")
	args := append([]string{"x", "comeback", "workers", "--out", out}, strings.Fields(flags)...)
	r := k6(t, nil, append(append(args, "--"), command...)...)
	r.out = out
	f, err := os.Open(filepath.Join(out, "verdict.json"))
	if err != nil {
		return r, nil
	}
	defer f.Close()
	j, err := reports.ReadJSON(f)
	require.NoError(t, err)
	return r, j
}

// python gives the flags by which the app of fakes/asgi is found and shares a lock.
func python(t *testing.T) string {
	t.Helper()
	if err := asgi.Missing(); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	require.NoError(t, asgi.Write(dir))
	return " --env PYTHONDONTWRITEBYTECODE=1 --env ASGI_LEDGER=off --env WEB_CONCURRENCY={workers} --env PYTHONPATH=" + dir + " --env ASGI_LOCK=" + filepath.Join(dir, "lock")
}

func TestWorkersTellsWhatItCannotRun(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		flags   string
		command []string
		want    string
	}{
		"no command":      {"", nil, "command: missing"},
		"no place":        {"", []string{"/bin/true", "{listen}"}, "has no {workers} in its command or env"},
		"unknown place":   {"", []string{"/bin/true", "{worker}", "{workers}"}, "unknown placeholder {worker}"},
		"unknown env":     {"--env COMEBACK_NO_SUCH", []string{"/bin/true", "{workers}"}, "--env COMEBACK_NO_SUCH: it is not set here"},
		"no seed":         {"--seed x", []string{"/bin/true", "{workers}"}, `SEED: "x"`},
		"bad plan":        {"--workers 1,1", []string{"/bin/true", "{workers}"}, "want each once"},
		"does not start":  {"--workers 1,2", []string{"/bin/false", "{workers}"}, "ended before it was ready"},
		"unknown flag":    {"--sweep", []string{"/bin/true", "{workers}"}, "unknown flag: --sweep"},
		"no such program": {"--workers 1,2", []string{"/no/such/server", "{workers}"}, "/no/such/server"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, _ := askWorkers(t, c.flags, c.command...)
			require.Equal(t, exitNotRun, r.code, "%s", r.output)
			require.Contains(t, r.output, c.want)
		})
	}
}

func TestWorkersRefuses(t *testing.T) {
	t.Parallel()
	r, j := askWorkers(t, "--workers 2,1 --rounds 1 --warm 50ms --window 2s --path /stuck?ms=5 --ready /healthz"+python(t), gunicorn...)
	require.Equal(t, check.Unknown.Code(), r.code, "%s", r.output)
	require.Contains(t, r.output, "2 different numbers of workers were measured, want 5 or more")
	require.NotNil(t, j)
	require.Len(t, j.Sweep.Rows, 2, "what was measured is told all the same")
	require.Positive(t, j.Sweep.Rows[0].Throughput)
	require.NoFileExists(t, filepath.Join(r.out, "comeback.yaml"))
}

// The whole way, on a server that tells every worker of each change: the second helps, the fifth does harm.
func TestWorkersFindsTheKnee(t *testing.T) {
	t.Parallel()
	slot(t) // askWorkers takes the other one: a lab beside it would take its share of some windows and not of others
	r, j := askWorkers(t, "--deployed 5 --workers 1,2,3,4,5 --rounds 5 --warm 100ms --window 1500ms --ready /healthz --path /shared?ms=8&lock=3&peer=2"+python(t), gunicorn...)
	require.Equal(t, check.Fail.Code(), r.code, "%s", r.output)
	require.Contains(t, r.output, "the 5 workers with which it is deployed give")
	require.Contains(t, []int{1, 2, 3}, j.Sweep.Best)
	require.Less(t, j.Sweep.Rows[4].Throughput, j.Sweep.Rows[1].Throughput)
	require.Contains(t, j.Meta.Repeat, "--env PYTHONPATH ", "the value of a variable is nobody's business")
}

func TestASweepThatIsNotMadeIsNotGreen(t *testing.T) {
	t.Parallel()
	slot(t)
	file := filepath.Join(t.TempDir(), "sweep.js")
	require.NoError(t, os.WriteFile(file, []byte(`import { incident } from 'k6/x/comeback';
		const run = incident({ id: 'C8', target: 'gunicorn', sweep: { workers: [1, 2, 3, 4, 5] } });
		export const options = run.options;
		export function setup() { run.start(); }
		export function story() { try { run.submit({}); } catch (e) { console.log('submit: ' + e); } }`), 0o600))
	r := run(t, file)
	require.Equal(t, check.Unknown.Code(), r.code, "%s", r.output)
	require.Contains(t, r.output, "nothing was measured")
}

func TestRepeatSweep(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ args, want string }{
		{"k6 x comeback workers -- a {workers}", "k6 x comeback workers --seed 7 -- a '{workers}'"},
		{"k6 x comeback workers --seed 3 --rounds 5 -- a --env b=c --seed 4", "k6 x comeback workers --rounds 5 --seed 7 -- a --env b=c --seed 4"},
		{"k6 x comeback workers --seed=3 --env KEY=secret --env=TOKEN=secret -- a", "k6 x comeback workers --env KEY --env=TOKEN --seed 7 -- a"},
	} {
		require.Equal(t, c.want, repeatSweep(strings.Fields(c.args), 7))
	}
}

func TestSweepOfAScript(t *testing.T) {
	t.Parallel()
	sweep := func(fields string) error {
		_, err := parseIncident([]byte(`{"id": "C8", "target": "gunicorn", `+fields+`}`), "file:///scenarios/a-story.js")
		return err
	}
	require.NoError(t, sweep(`"sweep": {"workers": [1, 2], "rounds": 3, "path": "/a", "clients": 4, "warm": "1s", "window": "2s", "share": 0.8}`))
	for text, want := range map[string]string{
		`"sweep": {}`:                                                      "incident(): sweep.workers: missing",
		`"sweep": {"workers": [1], "warm": 1}`:                             "incident(): duration 1, want a string",
		`"sweep": {"workers": [1], "windows": 1}`:                          `unknown field "windows"`,
		`"sweep": {"workers": [1]}, "load": {"rate": 1, "duration": "2s"}`: "a sweep has a load of its own",
		`"load": {}`: "load.rate: 0",
	} {
		require.ErrorContains(t, sweep(text), want, text)
	}
}
