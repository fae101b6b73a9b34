package reports

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/comeback-chaos/xk6-comeback/harness/check"
)

// Known tells what runs that do not pass come to, and why: by target and scenario. All others pass.
type Known map[string]map[string]Reason

// Reason is why a run does not pass.
type Reason struct {
	Is   string `yaml:"is"`             // "skipped", or the check that fails
	Why  string `yaml:"why"`            // the true reason, in a sentence
	Mend string `yaml:"mend,omitempty"` // what makes it pass; "": nothing is known to

	Sometimes bool `yaml:"sometimes,omitempty"` // by chance it passes; why says what that depends on
}

// LoadKnown reads what is known from a YAML file. A key that is not known is an error with its line.
func LoadKnown(path string) (Known, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read what is known: %w", err)
	}
	return parseKnown(text, path)
}

// parseKnown reads what LoadKnown has read. The YAML parser panics at some texts: they are wrong, and no reason to crash.
func parseKnown(text []byte, path string) (k Known, err error) {
	defer func() {
		if r := recover(); r != nil {
			k, err = nil, fmt.Errorf("%s: this is no YAML that can be read (the parser says: %v): look for a stray ! or &", path, r)
		}
	}()
	if err := yaml.UnmarshalWithOptions(text, &k, yaml.Strict(), yaml.DisallowUnknownField()); err != nil {
		return nil, fmt.Errorf("%s: %s", path, strings.TrimSpace(yaml.FormatError(err, false, true)))
	}
	for target, reasons := range k {
		for scenario, r := range reasons {
			if r.Is == "" || r.Why == "" {
				return nil, fmt.Errorf("%s: %s.%s: want is (skipped, or a check) and why", path, target, scenario)
			}
		}
	}
	return k, nil
}

// Column is what one target came to in a suite.
type Column struct {
	Target string
	runs   map[string]suiteRun // by scenario
}

// ReadColumn reads what a suite.json tells of a target as its column; runs of others are none of it.
func ReadColumn(r io.Reader, target string) (Column, error) {
	var f suiteFile
	if err := json.NewDecoder(r).Decode(&f); err != nil {
		return Column{}, fmt.Errorf("read the suite of %s: %w", target, err)
	}
	if f.Version != Version {
		return Column{}, fmt.Errorf("read the suite of %s: its version is %d, this program reads %d", target, f.Version, Version)
	}
	c := Column{Target: target, runs: map[string]suiteRun{}}
	for _, run := range f.Runs {
		if run.Target == target {
			c.runs[run.Scenario] = run
		}
	}
	if len(c.runs) == 0 {
		return Column{}, fmt.Errorf("read the suite of %s: it has no run of that", target)
	}
	return c, nil
}

// came tells whether a run came to what is known of it; "" if so.
func (r Reason) came(run suiteRun) string {
	switch {
	case r == Reason{} && run.Outcome == "pass", run.noProgram():
		return ""
	case r == Reason{}:
		return fmt.Sprintf("%s, and no reason is known: %s", run.Outcome, run.Reason)
	case r.Is == run.Outcome && run.Outcome == "skipped", r.Sometimes && run.Outcome == "pass":
		return ""
	case run.Outcome == "fail" && slices.ContainsFunc(run.Verdict.Results, func(x check.Result) bool { return x.Check == r.Is && x.Verdict == check.Fail }):
		return ""
	}
	return fmt.Sprintf("%s (%s), known to be %s", run.Outcome, run.Reason, r)
}

func (r Reason) String() string {
	switch r.Is {
	case "":
		return "pass"
	case "skipped":
		return "skipped"
	}
	if r.Sometimes {
		return "sometimes fails " + r.Is
	}
	return "fails " + r.Is
}

// noProgram tells whether a run was skipped because this machine lacks a program, which says nothing of the target.
func (run suiteRun) noProgram() bool {
	return run.Outcome == "skipped" && strings.HasPrefix(run.Reason, MissingProgram)
}

// NotCompared names the runs that this machine could not make, with the reason.
func NotCompared(columns []Column) []string {
	var all []string
	for _, c := range columns {
		for _, name := range slices.Sorted(maps.Keys(c.runs)) {
			if run := c.runs[name]; run.noProgram() {
				all = append(all, fmt.Sprintf("%s on %s: %s", name, c.Target, run.Reason))
			}
		}
	}
	return all
}

// Compare holds what targets came to in the same scenarios against what is known of them. The error names each
// run that came to something else, and each reason that is one of nothing. Runs of NotCompared are left out.
func Compare(columns []Column, known Known) error {
	var errs []error
	for _, c := range columns {
		for _, name := range slices.Sorted(maps.Keys(c.runs)) {
			if other := known[c.Target][name].came(c.runs[name]); other != "" {
				errs = append(errs, fmt.Errorf("%s on %s: %s", name, c.Target, other))
			}
		}
		for _, name := range slices.Sorted(maps.Keys(known[c.Target])) {
			if _, ok := c.runs[name]; !ok {
				errs = append(errs, fmt.Errorf("%s on %s: it was not run, and a reason is known", name, c.Target))
			}
		}
	}
	return errors.Join(errs...)
}

// ComparisonMarkdown writes what Compare has found true: a row a scenario, a column a target, and below them the reasons.
func ComparisonMarkdown(w io.Writer, columns []Column, known Known) error {
	var b strings.Builder
	names := map[string]bool{}
	b.WriteString("| scenario |")
	for _, c := range columns {
		fmt.Fprintf(&b, " %s |", escape(c.Target))
		for name := range c.runs {
			names[name] = true
		}
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(columns)) + "\n")
	for _, name := range slices.Sorted(maps.Keys(names)) {
		fmt.Fprintf(&b, "| %s |", escape(name))
		for _, c := range columns {
			fmt.Fprintf(&b, " %s |", known[c.Target][name])
		}
		b.WriteString("\n")
	}
	for _, c := range columns {
		reasons := known[c.Target]
		if len(reasons) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n## %s\n", c.Target)
		for _, name := range slices.Sorted(maps.Keys(reasons)) {
			r := reasons[name]
			fmt.Fprintf(&b, "\n**%s** (%s): %s", name, r, strings.TrimSpace(r.Why))
			if r.Mend != "" {
				fmt.Fprintf(&b, " What mends it: %s", strings.TrimSpace(r.Mend))
			}
			b.WriteString("\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
