package reports

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Matrix states of a scenario on a defect.
const (
	teethOK     = "OK"     // red for the stated check
	teethBroken = "BROKEN" // green, unknown, red for another check only, or without a verdict that counts
)

func teeth(r Run) string {
	switch r.Outcome() {
	case "caught":
		return teethOK
	case "skipped":
		return "skipped"
	}
	return teethBroken
}

func matrixTitle(s *Suite) string {
	c := s.Counts()
	title := s.nothing() + fmt.Sprintf("%d of %d defects caught for the stated check", c.Pass, len(s.Runs)-c.Skipped)
	if c.Skipped > 0 {
		title += fmt.Sprintf(", %d skipped", c.Skipped)
	}
	if len(s.Uncaught) > 0 {
		title += "; caught by nothing: " + strings.Join(s.Uncaught, ", ")
	}
	return title
}

// MatrixText writes the teeth of scenarios as a table: each scenario on each of its defects, and whether
// it failed there for the check that it names.
func MatrixText(w io.Writer, s *Suite) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s; %.1f s, longest run %.1f s, %d side by side\n\n",
		strings.ToUpper(s.Verdict().String()), matrixTitle(s), s.Wall.Seconds(), s.CriticalPath.Seconds(), s.Parallel)
	t := table{indent: "  ", right: "lllll"}
	t.row("teeth", "scenario", "defect", "must fail", "because")
	for _, r := range s.Runs {
		t.row(teeth(r), r.Scenario, r.Defect, r.Want, r.Reason())
	}
	t.write(&b)
	writePointers(&b, s)
	_, err := io.WriteString(w, b.String())
	return err
}

// MatrixMarkdown writes the same as a Markdown table.
func MatrixMarkdown(w io.Writer, s *Suite) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# Teeth\n\n%s.\n\n| scenario | defect | must fail | teeth | because |\n|---|---|---|---|---|\n", matrixTitle(s))
	for _, r := range s.Runs {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n",
			escape(r.Scenario), escape(r.Defect), escape(r.Want), teeth(r), escape(r.Reason()))
	}
	writeByDefect(&b, s)
	_, err := io.WriteString(w, b.String())
	return err
}

// writeByDefect turns the table around: each defect, and the scenarios that it was tried on.
func writeByDefect(b *strings.Builder, s *Suite) {
	rows := map[string][]string{}
	for _, r := range s.Runs {
		rows[r.Defect] = append(rows[r.Defect], fmt.Sprintf("%s %s", escape(r.Scenario), r.Outcome()))
	}
	for _, d := range s.Uncaught {
		rows[d] = []string{"**nothing**"}
	}
	b.WriteString("\n## By defect\n\n| defect | scenarios |\n|---|---|\n")
	for _, d := range slices.Sorted(maps.Keys(rows)) {
		fmt.Fprintf(b, "| %s | %s |\n", escape(d), strings.Join(rows[d], ", "))
	}
}

var markdown = strings.NewReplacer(`\`, `\\`, `|`, `\|`, "`", "\\`", `*`, `\*`, `_`, `\_`, `[`, `\[`, `]`, `\]`, `<`, `&lt;`, `>`, `&gt;`, `&`, `&amp;`)

// escape makes text a Markdown table cell that shows it as it is.
func escape(s string) string { return markdown.Replace(clean(s)) }
