package extension

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/harness"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/suite"
	"github.com/comeback-chaos/xk6-comeback/harness/target"
)

// ours lists our scenarios, as the command does.
func ours(t *testing.T) []listed {
	t.Helper()
	folder, err := filepath.Abs("../scenarios")
	require.NoError(t, err)
	r := k6(t, nil, "x", "comeback", "list", "--json", folder)
	require.Zero(t, r.code, "%s", r.output)
	var all []listed
	require.NoError(t, json.Unmarshal([]byte(r.output), &all))
	require.GreaterOrEqual(t, len(all), 6)
	return all
}

// TestScenarios holds our scenarios to their form: each is a short story, and has teeth; each defect
// of a target is caught by one of them.
func TestScenarios(t *testing.T) {
	t.Parallel()
	file, err := target.Load(filepath.Join(project, "comeback.yaml"))
	require.NoError(t, err)
	var scenarios []suite.Scenario
	for _, s := range ours(t) {
		text, err := os.ReadFile(s.File)
		require.NoError(t, err)
		require.LessOrEqual(t, strings.Count(string(text), "\n"), 60, "%s is no short story", s.File)
		require.NotEmpty(t, s.Catches, "%s has no teeth", s.Name)
		require.NotEmpty(t, s.Incidents, s.Name)
		own, err := file.Target(s.Target)
		require.NoError(t, err)
		require.NoError(t, own.Lacks(s.Needs), "%s would be skipped on its own target", s.Name)
		one := suite.Scenario{File: s.File, Spec: harness.Spec{Target: s.Target, Needs: s.Needs}}
		for defect, check := range s.Catches {
			one.Catches = append(one.Catches, history.Catch{Defect: defect, Check: check})
		}
		scenarios = append(scenarios, one)
	}
	uncaught, err := suite.Uncaught(t.Context(), scenarios, file)
	require.NoError(t, err)
	require.Empty(t, uncaught, "defects that no scenario catches")
	consumer, err := file.Target("consumer")
	require.NoError(t, err)
	defects, err := consumer.DefectNames(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, defects, "otherwise none could be uncaught")
}

// TestCatalogue holds docs/catalogue.md against the scenarios: each id that a scenario is about is there,
// and each row names scenarios that there are, one of them about that id, and defects that they catch.
func TestCatalogue(t *testing.T) {
	t.Parallel()
	all := ours(t)
	byName := map[string]listed{}
	for _, s := range all {
		byName[s.Name] = s
	}
	page, err := os.ReadFile("../docs/catalogue.md")
	require.NoError(t, err)
	rows := map[string]bool{}
	for _, row := range regexp.MustCompile(`(?m)^\| ([ACDNR]\d+) \|.*\| ([^|]*) \| ([^|]*) \|$`).FindAllStringSubmatch(string(page), -1) {
		id := row[1]
		rows[id] = true
		about, catches := false, ""
		for _, name := range regexp.MustCompile(`[a-z0-9]+(-[a-z0-9]+)*`).FindAllString(row[2], -1) {
			s, ok := byName[name]
			if !ok {
				continue // a word beside the names
			}
			about = about || slices.Contains(s.Incidents, id)
			for defect, check := range s.Catches {
				catches += defect + " (" + check + ") "
			}
		}
		require.True(t, about, "%s: no scenario of its row is about it: %s", id, row[2])
		for _, pair := range regexp.MustCompile(`[ACDNR]\d+-[a-z0-9-]+ \([a-z-]+\)`).FindAllString(row[3], -1) {
			require.Contains(t, catches, pair, "%s: no scenario of its row catches that", id)
		}
	}
	for _, s := range all {
		for _, id := range s.Incidents {
			require.True(t, rows[id], "docs/catalogue.md has no row for %s of %s", id, s.Name)
		}
	}
}

func TestRepeatCommand(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ args, want string }{
		{"k6 run a.js", "k6 run -e SEED=7 a.js"},
		{"k6 run -e SEED=3 -e DEFECT=x -e OUT=/o a.js", "k6 run -e SEED=7 -e DEFECT=x a.js"},
		{"k6 run -e BROKER=amqp://u:secret@h/ a.js", "k6 run -e SEED=7 a.js"},
		{"k6 run -eBROKER=amqp://u:secret@h/ --env=BROKER=amqp://u:secret@h/ -e=SEED=1 a.js", "k6 run -e SEED=7 a.js"},
		{"k6 run it's.js", `k6 run -e SEED=7 'it'\''s.js'`},
		{"k6 run --env BROKER=local a.js", "k6 run -e SEED=7 --env BROKER=local a.js"},
	} {
		require.Equal(t, c.want, repeatCommand(strings.Fields(c.args), 7))
	}
}

func TestSetting(t *testing.T) {
	t.Parallel()
	system := map[string]string{"BROKER": "of the shell", "OUT": "same", "COMEBACK_BROKER": "ours"}
	lookup := func(name string) (string, bool) { v, ok := system[name]; return v, ok }
	script := map[string]string{"BROKER": "of the shell", "SEED": "7", "OUT": "given"} // as k6 mixes them
	require.Equal(t, "ours", setting(script, nil, lookup, "BROKER"), "what the shell has exported is not meant for us")
	require.Equal(t, "7", setting(script, nil, lookup, "SEED"))
	require.Equal(t, "given", setting(script, nil, lookup, "OUT"))
	require.Empty(t, setting(script, nil, lookup, "DEFECT"))
	for _, args := range [][]string{{"-e", "BROKER=of the shell"}, {"--env=BROKER=of the shell"}, {"-eBROKER"}} {
		require.Equal(t, "of the shell", setting(script, append([]string{"k6", "run"}, args...), lookup, "BROKER"), "said and exported")
	}
}
