package extension

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/comeback-chaos/xk6-comeback/harness"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/suite"
	"github.com/comeback-chaos/xk6-comeback/harness/target"
	"github.com/comeback-chaos/xk6-comeback/reports"
)

func suiteCommand() *cobra.Command {
	var o suite.Options
	var teeth bool
	var only []string
	var instead string
	cmd := &cobra.Command{
		Use:   "suite [scripts or folders]",
		Short: "Run the scenarios, or with --teeth each on the defects that it must catch",
		Long: "Run every scenario, print one table and write suite.json and junit.xml.\n" +
			"Exit codes: 0 all passed, 1 something failed, 2 something is unknown, 3 could not run.",
		RunE: func(cmd *cobra.Command, args []string) error {
			scenarios, err := discover(cmd, args)
			if err != nil {
				return exitWith(exitNotRun, err)
			}
			if instead != "" {
				if scenarios, err = suite.Retarget(scenarios, instead); err != nil {
					return exitWith(exitNotRun, err)
				}
			}
			if o.Targets, err = targetsFile(); err != nil {
				return exitWith(exitNotRun, err)
			}
			plan, err := suite.Plan(scenarios, teeth, only)
			if err != nil {
				return exitWith(exitNotRun, err)
			}
			var uncaught []string
			if teeth && len(only) == 0 && wantsFolder(args) {
				if uncaught, err = suite.Uncaught(cmd.Context(), scenarios, o.Targets); err != nil {
					return exitWith(exitNotRun, err)
				}
			}
			if o.K6, err = os.Executable(); err != nil {
				return exitWith(exitNotRun, err)
			}
			o.Progress = cmd.ErrOrStderr()
			result, err := suite.Execute(cmd.Context(), plan, o)
			if result == nil {
				return exitWith(exitNotRun, err)
			}
			result.Uncaught = uncaught
			if err := errors.Join(err, reportSuite(cmd.OutOrStdout(), o.Out, result, teeth)); err != nil {
				return exitWith(exitNotRun, err)
			}
			return exitWith(result.ExitCode(teeth), nil)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&teeth, "teeth", false, "run each scenario on its defects: each must fail for the stated check")
	f.StringSliceVar(&only, "only", nil, "names of the scenarios to run")
	f.StringVar(&instead, "target", "", "run the scenarios of one target on another: consumer=mine")
	f.StringVar(&o.Out, "out", filepath.Join("reports", "out"), "folder for the runs and the reports")
	f.StringVar(&o.Broker, "broker", "auto", "auto, local, or an amqp:// URL; better given as COMEBACK_BROKER when it holds a password")
	f.IntVar(&o.Parallel, "parallel", 3, "runs side by side")
	f.StringVar(&o.Seed, "seed", "", "one seed for all runs")
	return cmd
}

// wantsFolder tells whether a folder of scenarios was asked for: only then can one say that none of
// them catches a defect.
func wantsFolder(args []string) bool {
	for _, a := range args {
		if info, err := os.Stat(a); err == nil && info.IsDir() {
			return true
		}
	}
	return len(args) == 0
}

// targetsFile reads the comeback.yaml that the runs will find.
func targetsFile() (*target.File, error) {
	path := os.Getenv("COMEBACK_TARGETS")
	if path == "" {
		var err error
		if path, err = target.Find("."); err != nil {
			return nil, err
		}
	}
	return target.Load(path)
}

// reportSuite prints the table and writes the files.
func reportSuite(w io.Writer, out string, s *reports.Suite, teeth bool) error {
	table, files := reports.SuiteText, map[string]func(io.Writer, *reports.Suite) error{
		"suite.json": reports.SuiteJSON, "junit.xml": reports.JUnit,
	}
	if teeth {
		table = reports.MatrixText
		files = map[string]func(io.Writer, *reports.Suite) error{
			"teeth.json": reports.SuiteJSON, "teeth-junit.xml": reports.JUnit, "teeth.md": reports.MatrixMarkdown,
		}
	}
	errs := []error{table(w, s)}
	for name, report := range files {
		errs = append(errs, writeReport(filepath.Join(out, name), s, report))
	}
	return errors.Join(errs...)
}

func writeReport(path string, s *reports.Suite, report func(io.Writer, *reports.Suite) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := errors.Join(report(f, s), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

func judgeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "judge <run folder>",
		Short: "Judge a recorded run again from its history",
		Args:  exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			j, err := harness.Judge(args[0])
			if err != nil {
				return exitWith(exitNotRun, err)
			}
			if err := errors.Join(writeVerdict(args[0], j), reports.Text(cmd.OutOrStdout(), j)); err != nil {
				return exitWith(exitNotRun, err)
			}
			return exitWith(j.Verdict.Code(), nil)
		},
	}
}

func historyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "history <run folder>",
		Short: "Print a recorded run, a line an event",
		Args:  exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := history.Open(filepath.Join(args[0], harness.HistoryFile))
			if err != nil {
				return exitWith(exitNotRun, err)
			}
			defer r.Close()
			if err := reports.Events(cmd.OutOrStdout(), r.All()); err != nil {
				return exitWith(exitNotRun, err)
			}
			if torn := r.Torn(); torn != nil {
				fmt.Fprintf(os.Stderr, "comeback: the history is torn: %+v\n", *torn)
			}
			return nil
		},
	}
}
