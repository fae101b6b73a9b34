package reports

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/harness/check"
)

var update = flag.Bool("update", false, "write the golden files anew")

// formats are all reports on all samples, by golden file.
func formats() map[string]func(io.Writer) error {
	run := func(f func(io.Writer, *check.Judgement) error, j *check.Judgement) func(io.Writer) error {
		return func(w io.Writer) error { return f(w, j) }
	}
	suite := func(f func(io.Writer, *Suite) error, s *Suite) func(io.Writer) error {
		return func(w io.Writer) error { return f(w, s) }
	}
	hostiles := &Suite{Runs: []Run{
		{Scenario: nasty, Judgement: hostile(), Dir: nasty},
		{Scenario: "s", Defect: nasty, Want: "no-loss", Judgement: hostile()},
		{Scenario: "s", Err: nasty}, {Scenario: "s", Skipped: nasty},
	}}
	return map[string]func(io.Writer) error{
		"pass.txt":          run(Text, green()),
		"pass-colour.txt":   run(ColourText, green()),
		"fail.txt":          run(Text, red()),
		"unknown.txt":       run(Text, vague()),
		"hostile.txt":       run(Text, hostile()),
		"sweep.txt":         run(Text, swept()),
		"sweep.json":        run(JSON, swept()),
		"sweep-refused.txt": run(Text, refused()),
		"verdict.json":      run(JSON, red()),
		"suite.txt":         suite(SuiteText, sampleSuite()),
		"clock.txt":         suite(SuiteText, &Suite{Parallel: 1, Runs: []Run{{Scenario: "known-recovery", Judgement: known()}}}),
		"suite.json":        suite(SuiteJSON, sampleSuite()),
		"suite.xml":         suite(JUnit, sampleSuite()),
		"teeth.txt":         suite(MatrixText, sampleTeeth()),
		"teeth.md":          suite(MatrixMarkdown, sampleTeeth()),
		"teeth.xml":         suite(JUnit, sampleTeeth()),
		"hostile-suite.md":  suite(MatrixMarkdown, hostiles),
		"hostile-suite.txt": suite(SuiteText, hostiles),
		"hostile-suite.xml": suite(JUnit, hostiles),
		"empty.txt":         suite(SuiteText, &Suite{}),
		"empty.xml":         suite(JUnit, &Suite{}),
		"empty.json":        suite(SuiteJSON, &Suite{}),
	}
}

func TestGolden(t *testing.T) {
	t.Parallel()
	for name, report := range formats() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			require.NoError(t, report(&b))
			path := filepath.Join("testdata", name+".golden")
			if *update {
				require.NoError(t, os.WriteFile(path, b.Bytes(), 0o644))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, string(want), b.String())
		})
	}
}

// failAfter fails at the first byte past n.
type failAfter struct{ n int }

var errDiskFull = errors.New("no space left on device")

func (f *failAfter) Write(p []byte) (int, error) {
	if len(p) > f.n {
		n := f.n
		f.n = 0
		return n, errDiskFull
	}
	f.n -= len(p)
	return len(p), nil
}

func TestEveryWriteErrorIsReturned(t *testing.T) {
	t.Parallel()
	for name, report := range formats() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var whole bytes.Buffer
			require.NoError(t, report(&whole))
			for n := 0; n < whole.Len(); n += 1 + whole.Len()/40 {
				require.ErrorIs(t, report(&failAfter{n}), errDiskFull, "after %d of %d bytes", n, whole.Len())
			}
			require.ErrorIs(t, report(&failAfter{whole.Len() - 1}), errDiskFull)
			require.NoError(t, report(&failAfter{whole.Len()}))
		})
	}
}

func TestTerminalTextHasNoControlCharacters(t *testing.T) {
	t.Parallel()
	for name, report := range formats() {
		if !strings.HasSuffix(name, ".txt") || strings.Contains(name, "colour") {
			continue
		}
		var b bytes.Buffer
		require.NoError(t, report(&b))
		require.True(t, utf8.Valid(b.Bytes()), name)
		for _, r := range b.String() {
			require.False(t, r != '\n' && (unicode.IsControl(r) || r == '\u202e'), "%s: %q", name, r)
		}
		require.NotContains(t, b.String(), "[0m", name)
	}
}

// suites is what a reader of JUnit XML sees.
type suites struct {
	Tests    int `xml:"tests,attr"`
	Failures int `xml:"failures,attr"`
	Errors   int `xml:"errors,attr"`
	Skipped  int `xml:"skipped,attr"`
	Suites   []struct {
		Name  string `xml:"name,attr"`
		Tests int    `xml:"tests,attr"`
		Cases []struct {
			Name    string    `xml:"name,attr"`
			Failure *struct{} `xml:"failure"`
			Error   *struct{} `xml:"error"`
			Skipped *struct{} `xml:"skipped"`
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

func decode(t *testing.T, s *Suite) (suites, map[string]string) {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, JUnit(&b, s))
	var got suites
	d := xml.NewDecoder(&b)
	d.Strict = true
	require.NoError(t, d.Decode(&got))
	outcomes := map[string]string{}
	count := suites{}
	for _, s := range got.Suites {
		require.Len(t, s.Cases, s.Tests)
		for _, c := range s.Cases {
			count.Tests++
			switch {
			case c.Failure != nil:
				outcomes[c.Name] = "failure"
				count.Failures++
			case c.Error != nil:
				outcomes[c.Name] = "error"
				count.Errors++
			case c.Skipped != nil:
				outcomes[c.Name] = "skipped"
				count.Skipped++
			default:
				outcomes[c.Name] = "ok"
			}
		}
	}
	require.Equal(t, []int{count.Tests, count.Failures, count.Errors, count.Skipped}, []int{got.Tests, got.Failures, got.Errors, got.Skipped})
	return got, outcomes
}

func TestJUnit(t *testing.T) {
	t.Parallel()
	_, got := decode(t, sampleSuite())
	require.Equal(t, map[string]string{
		"ack-fails / no-loss": "ok", "ack-fails / duplicates": "ok", "ack-fails / recovered": "ok",
		"swap-unset / ran":  "error",
		"relapse / no-loss": "ok", "relapse / duplicates": "ok", "relapse / recovered": "failure",
		"warmup-fails / run": "error", "broker-pause / run": "skipped",
	}, got)
	_, got = decode(t, sampleTeeth())
	require.Equal(t, map[string]string{
		"ack-fails×A8-throw-on-ack / no-stall": "ok",
		"ack-fails×A8-other / no-stall":        "failure",
		"ack-fails×A8-fly / duplicates":        "failure",
		"ack-fails×A8-none / no-such-check":    "failure",
		"swap-unset×A1-restart / run":          "error",
		"swap-unset×A1-other / run":            "skipped",
	}, got)
}

// A verdict that its checks do not explain is never lost in JUnit.
func TestJUnitShowsAVerdictThatNoCheckExplains(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		verdict check.Verdict
		results []check.Result
		want    string
	}{
		"unknown, no checks":     {check.Unknown, nil, "error"},
		"unknown, all checks ok": {check.Unknown, []check.Result{{Check: "a", Verdict: check.Pass}}, "error"},
		"fail, all checks ok":    {check.Fail, []check.Result{{Check: "a", Verdict: check.Pass}}, "failure"},
		"fail, a check unknown":  {check.Fail, []check.Result{{Check: "a"}}, "failure"},
		"no such verdict":        {check.Verdict(9), nil, "error"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, got := decode(t, &Suite{Runs: []Run{{Scenario: "s", Judgement: &check.Judgement{Verdict: tt.verdict, Results: tt.results}}}})
			require.Equal(t, tt.want, got["s / verdict"])
		})
	}
}

func TestJUnitSurvivesAnyText(t *testing.T) {
	t.Parallel()
	every := make([]rune, 0, 0x3000)
	for r := rune(0); r < 0x3000; r++ {
		every = append(every, r)
	}
	j := red()
	j.Results[0].Reason = string(every)
	j.Results[0].Examples = []string{string(every), nasty}
	got, _ := decode(t, &Suite{Runs: []Run{{Scenario: nasty, Judgement: j, Dir: string(every)}}})
	require.Contains(t, got.Suites[0].Name, `<x a="1"> & ]]>`)
	require.NotContains(t, got.Suites[0].Name, "\x1b")
}

func TestVerdictComesBackAsItWas(t *testing.T) {
	t.Parallel()
	for _, j := range []*check.Judgement{green(), red(), vague()} {
		var b bytes.Buffer
		require.NoError(t, JSON(&b, j))
		got, err := ReadJSON(&b)
		require.NoError(t, err)
		require.Equal(t, j, got)
	}
}

func TestReadJSONErrors(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	require.NoError(t, JSON(&b, red()))
	whole := b.String()
	for n := 0; n <= strings.LastIndex(whole, "}"); n += 7 {
		_, err := ReadJSON(strings.NewReader(whole[:n]))
		require.Error(t, err, "cut at byte %d", n)
	}
	_, err := ReadJSON(strings.NewReader(whole + whole))
	require.ErrorContains(t, err, "more after its end")
	_, err = ReadJSON(strings.NewReader(strings.Replace(whole, `"version": 1`, `"version": 2`, 1)))
	require.ErrorContains(t, err, "version is 2")
	_, err = ReadJSON(strings.NewReader(`{}`))
	require.ErrorContains(t, err, "version is 0")
	_, err = ReadJSON(strings.NewReader(strings.Replace(whole, `"verdict": "fail"`, `"verdict": "green"`, 1)))
	require.ErrorContains(t, err, "green")
}

func TestSuiteJSONNames(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	require.NoError(t, SuiteJSON(&b, sampleSuite()))
	var got map[string]any
	require.NoError(t, json.Unmarshal(b.Bytes(), &got))
	require.EqualValues(t, Version, got["version"])
	require.Equal(t, "fail", got["verdict"])
	require.Len(t, got["runs"], 5)
}

// A run with a verdict that went wrong all the same is an error in every report, and never green.
func TestAnErrorOutranksItsVerdict(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		run  Run
		says string
		want map[string]string // of JUnit
	}{
		"pass": {Run{Scenario: "s", Judgement: green(), Err: "a threshold was crossed"},
			"a threshold was crossed (its verdict, pass, does not count: all 3 checks passed)",
			map[string]string{"s / no-loss": "ok", "s / duplicates": "ok", "s / recovered": "ok", "s / run": "error"}},
		"fail": {Run{Scenario: "s", Judgement: red(), Err: "killed"}, "killed (its verdict, fail, does not count: no-stall and no-loss failed)",
			map[string]string{"s / no-loss": "failure", "s / no-stall": "failure", "s / recovered": "error", "s / run": "error"}},
		"caught": {Run{Scenario: "s", Defect: "d", Want: "no-stall", Judgement: red(), Err: "killed"}, "killed (its verdict, fail",
			map[string]string{"s×d / run": "error"}},
		"none": {Run{Scenario: "s", Err: "killed"}, "killed", map[string]string{"s / run": "error"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &Suite{Runs: []Run{tt.run}}
			require.Equal(t, "error", tt.run.Outcome())
			require.Contains(t, tt.run.Reason(), tt.says)
			caught, why := tt.run.Caught()
			require.False(t, caught)
			require.Contains(t, why, tt.says)
			require.Equal(t, Counts{Error: 1}, s.Counts())
			require.Equal(t, check.Unknown, s.Verdict())
			require.NotEqual(t, teethOK, teeth(tt.run))
			_, got := decode(t, s)
			require.Equal(t, tt.want, got)
			var text, file bytes.Buffer
			require.NoError(t, SuiteText(&text, s))
			require.Contains(t, text.String(), "0 pass, 1 error of 1 runs")
			require.Regexp(t, `(?m)^  error +s`, text.String())
			require.NotContains(t, text.String(), "PASS")
			require.NoError(t, SuiteJSON(&file, s))
			require.Contains(t, file.String(), `"outcome": "error"`)
		})
	}
}

func TestFirstLineOfASuiteThatProvesNothing(t *testing.T) {
	t.Parallel()
	for want, runs := range map[string][]Run{
		"UNKNOWN  nothing was run, which proves nothing: 0 pass of 0 runs":                       nil,
		"UNKNOWN  nothing was run, which proves nothing: 0 pass, 1 skipped of 1 runs":            {{Skipped: "no"}},
		"UNKNOWN  no run could be made, which proves nothing: 0 pass, 1 error, 1 skipped of 2 r": {{Skipped: "no"}, {Err: "no"}},
		"UNKNOWN  0 pass, 1 unknown, 1 error of 2 runs":                                          {{Judgement: vague()}, {Err: "no"}},
	} {
		var b bytes.Buffer
		require.NoError(t, SuiteText(&b, &Suite{Runs: runs}))
		require.True(t, strings.HasPrefix(b.String(), want), b.String())
	}
}

func TestExitCode(t *testing.T) {
	t.Parallel()
	pass, fail, unknown := Run{Judgement: green()}, Run{Judgement: red()}, Run{Judgement: vague()}
	failed, skipped, none := Run{Err: "no"}, Run{Skipped: "no"}, Run{}
	caught := Run{Defect: "d", Want: "no-stall", Judgement: red()}
	missed := Run{Defect: "d", Want: "no-stall", Judgement: green()}
	other := Run{Defect: "d", Want: "duplicates", Judgement: red()}
	tests := map[string]struct {
		runs  []Run
		teeth bool
		want  int
	}{
		"pass":                      {[]Run{pass, pass}, false, 0},
		"fail beats unknown":        {[]Run{pass, unknown, fail}, false, 1},
		"unknown beats pass":        {[]Run{pass, unknown}, false, 2},
		"no verdict is unknown":     {[]Run{pass, failed}, false, 2},
		"nothing at all in a run":   {[]Run{pass, none}, false, 2},
		"skipped does not fail":     {[]Run{pass, skipped}, false, 0},
		"only skipped proves none":  {[]Run{skipped}, false, 2},
		"no runs prove nothing":     {nil, false, 2},
		"caught":                    {[]Run{caught}, true, 0},
		"missed":                    {[]Run{caught, missed}, true, 1},
		"red for another check":     {[]Run{other}, true, 1},
		"no verdict on a defect":    {[]Run{caught, {Defect: "d", Want: "x", Err: "no"}}, true, 2},
		"the target has no teeth":   {[]Run{caught, pass}, true, 2},
		"a green run with an error": {[]Run{{Judgement: green(), Err: "no"}}, false, 2},
		"a red run with an error":   {[]Run{{Judgement: red(), Err: "no"}, pass}, false, 2},
		"caught, with an error":     {[]Run{{Defect: "d", Want: "no-stall", Judgement: red(), Err: "no"}, caught}, true, 2},
		"no run could be made":      {[]Run{failed, none}, false, 3},
		"nor was the rest tried":    {[]Run{failed, skipped}, false, 3},
		"no teeth could be tried":   {[]Run{{Defect: "d", Want: "x", Err: "no"}}, true, 3},
		"a verdict beside errors":   {[]Run{failed, unknown}, false, 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, (&Suite{Runs: tt.runs}).ExitCode(tt.teeth))
		})
	}
}
