package reports

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// column is the suite of a target in which everything passes, but for one that fails no-loss and one that is skipped.
func column(t *testing.T, target string) Column {
	t.Helper()
	pass, fail := green(), red()
	pass.Meta.Target, fail.Meta.Target, fail.Meta.Defect = target, target, ""
	s := &Suite{Runs: []Run{
		{Scenario: "good", Target: target, Judgement: pass}, {Scenario: "bad", Target: target, Judgement: fail},
		{Scenario: "cannot", Target: target, Skipped: "target lacks health-checks"}, {Scenario: "another", Target: "z", Judgement: pass},
		{Scenario: "no-program", Target: target, Skipped: MissingProgram + "javac"},
	}}
	var b bytes.Buffer
	require.NoError(t, SuiteJSON(&b, s))
	c, err := ReadColumn(&b, target)
	require.NoError(t, err)
	return c
}

func TestCompare(t *testing.T) {
	t.Parallel()
	reasons := map[string]Reason{"bad": {Is: "no-loss", Why: "It forgets."}, "cannot": {Is: "skipped", Why: "It asks nobody."}}
	for name, c := range map[string]struct {
		known map[string]Reason
		want  string // "": all is as known
	}{
		"as known":             {reasons, ""},
		"sometimes":            {map[string]Reason{"good": {Is: "alerts", Sometimes: true}, "bad": {Is: "no-loss", Sometimes: true}, "cannot": reasons["cannot"]}, ""},
		"another check":        {map[string]Reason{"bad": {Is: "alerts", Why: "?"}, "cannot": reasons["cannot"]}, "bad on x: fail"},
		"no reason":            {map[string]Reason{"bad": reasons["bad"]}, "cannot on x: skipped, and no reason is known"},
		"passes after all":     {map[string]Reason{"good": reasons["bad"], "bad": reasons["bad"], "cannot": reasons["cannot"]}, "good on x: pass"},
		"skipped after all":    {map[string]Reason{"bad": reasons["bad"], "cannot": reasons["bad"]}, "cannot on x: skipped"},
		"reason of nothing":    {map[string]Reason{"gone": reasons["bad"], "bad": reasons["bad"], "cannot": reasons["cannot"]}, "gone on x: it was not run"},
		"nothing known at all": {nil, "bad on x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := Compare([]Column{column(t, "x")}, Known{"x": c.known})
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestNotCompared(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"no-program on x: missing: javac"}, NotCompared([]Column{column(t, "x")}))
}

func TestComparisonMarkdown(t *testing.T) {
	t.Parallel()
	known := Known{"x": {"bad": {Is: "no-loss", Why: "It forgets.", Mend: "`remember on`."}, "cannot": {Is: "skipped", Why: "It asks nobody."}}}
	var b bytes.Buffer
	require.NoError(t, ComparisonMarkdown(&b, []Column{column(t, "x"), column(t, "y")}, known))
	require.Equal(t, "| scenario | x | y |\n|---|---|---|\n| bad | fails no-loss | pass |\n| cannot | skipped | pass |\n| good | pass | pass |\n| no-program | pass | pass |\n"+
		"\n## x\n\n**bad** (fails no-loss): It forgets. What mends it: `remember on`.\n\n**cannot** (skipped): It asks nobody.\n", b.String())
	require.ErrorIs(t, ComparisonMarkdown(&failAfter{10}, nil, nil), errDiskFull)
}

func TestReadColumnRefuses(t *testing.T) {
	t.Parallel()
	for want, text := range map[string]string{
		"its version is 7":      `{"version": 7}`,
		"it has no run":         `{"version": 1}`,
		"unexpected EOF":        `{"version": 1`,
		"it has no run of that": `{"version": 1, "runs": [{"scenario": "a", "target": "y"}]}`,
	} {
		_, err := ReadColumn(bytes.NewBufferString(text), "x")
		require.ErrorContains(t, err, want)
	}
}

func TestLoadKnown(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "known.yaml")
	for text, want := range map[string]string{
		"x: {bad: {is: no-loss, why: It forgets., mend: on}}": "",
		"x: {bad: {is: no-loss, when: always}}":               "when",
		"x: {bad: {is: no-loss}}":                             "x.bad: want is",
	} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		known, err := LoadKnown(path)
		if want != "" {
			require.ErrorContains(t, err, want)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, Known{"x": {"bad": {Is: "no-loss", Why: "It forgets.", Mend: "on"}}}, known)
	}
}
