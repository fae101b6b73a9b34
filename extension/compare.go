package extension

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/comeback-chaos/xk6-comeback/reports"
)

// comparisonHead stands above the table of a page that compare writes.
const comparisonHead = "# %s\n\nWhat targets come to in the same scenarios. Made by `k6 x comeback compare`, which fails when it is no longer so. \"fails x\"\n" +
	"is the check x of [checks.md](checks.md); what is skipped needs a feature that the target lacks. The reasons stand below.\n\n"

func compareCommand() *cobra.Command {
	var known, page, title string
	var update bool
	cmd := &cobra.Command{
		Use:   "compare <target>=<folder of its suite> ...",
		Short: "Hold what targets came to in the same scenarios against what is known of them",
		Long: "Each folder is one of `suite --out <folder>`, in which that target ran. What does not pass must be\n" +
			"known, with the reason. Exit codes: 0 it is all as known and as the page says, 1 it is not, 3 could not run.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return exitWith(exitNotRun, errors.New("no suite; usage: k6 x comeback compare <target>=<folder of its suite>, for each"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			reasons, err := reports.LoadKnown(known)
			if err != nil {
				return exitWith(exitNotRun, err)
			}
			columns, err := columns(args)
			if err != nil {
				return exitWith(exitNotRun, err)
			}
			for _, run := range reports.NotCompared(columns) {
				fmt.Fprintln(cmd.OutOrStdout(), "not compared:", run)
			}
			if err := reports.Compare(columns, reasons); err != nil {
				return exitWith(1, fmt.Errorf("not as %s says:\n%w", known, err))
			}
			var b bytes.Buffer
			fmt.Fprintf(&b, comparisonHead, title)
			if err := reports.ComparisonMarkdown(&b, columns, reasons); err != nil {
				return exitWith(exitNotRun, err)
			}
			return comparePage(page, b.Bytes(), update)
		},
	}
	f := cmd.Flags()
	f.StringVar(&known, "known", "", "YAML file: target, scenario, {is: skipped or a check, why, mend, sometimes: by chance it passes}")
	f.StringVar(&page, "page", "", "Markdown file to hold the table against")
	f.StringVar(&title, "title", "The same scenarios on several targets", "of the page")
	f.BoolVar(&update, "update", false, "write the page instead")
	return cmd
}

// columns reads each target's suite: target=folder.
func columns(args []string) ([]reports.Column, error) {
	var all []reports.Column
	for _, arg := range args {
		target, folder, ok := strings.Cut(arg, "=")
		if !ok || target == "" || folder == "" {
			return nil, fmt.Errorf("read suites: %q: want <target>=<folder of its suite>", arg)
		}
		f, err := os.Open(filepath.Join(folder, "suite.json"))
		if err != nil {
			return nil, fmt.Errorf("read a suite: %w", err)
		}
		c, err := reports.ReadColumn(f, target)
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

func comparePage(path string, text []byte, update bool) error {
	if update {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return exitWith(exitNotRun, fmt.Errorf("write the page: %w", err))
		}
		return nil
	}
	page, err := os.ReadFile(path)
	if err != nil {
		return exitWith(exitNotRun, fmt.Errorf("read the page: %w", err))
	}
	if !bytes.Equal(page, text) {
		return exitWith(1, fmt.Errorf("%s is behind: write it anew with --update", path))
	}
	return nil
}
