package extension

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"go.k6.io/k6/v2/cmd/state"

	"github.com/comeback-chaos/xk6-comeback/harness/suite"
)

// newCommand makes `k6 x comeback …`.
func newCommand(*state.GlobalState) *cobra.Command {
	root := &cobra.Command{
		Use:   "comeback",
		Short: "Prove that a queue consumer or an HTTP proxy comes back from faults",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return exitWith(exitNotRun, fmt.Errorf("no command %q; see k6 x comeback --help", args[0]))
			}
			return cmd.Help()
		},
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return exitWith(exitNotRun, err) })
	root.AddCommand(listCommand(), suiteCommand(), judgeCommand(), historyCommand(), compareCommand(), workersCommand(), fakeCommand())
	return root
}

// listed is one line of `list --json`.
type listed struct {
	Name      string            `json:"name"`
	File      string            `json:"file"`
	Incidents []string          `json:"incidents"`
	Target    string            `json:"target"`
	Needs     []string          `json:"needs,omitempty"`
	Catches   map[string]string `json:"catches"` // defect → the check that must fail on it
}

func listCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list [scripts or folders]",
		Short: "List the scenarios, what they are about and the defects they catch",
		RunE: func(cmd *cobra.Command, args []string) error {
			scenarios, err := discover(cmd, args)
			if err != nil {
				return exitWith(exitNotRun, err)
			}
			all := make([]listed, 0, len(scenarios))
			for _, s := range scenarios {
				l := listed{Name: s.Name, File: s.File, Incidents: s.Incidents, Target: s.Target, Needs: s.Needs, Catches: map[string]string{}}
				for _, c := range s.Catches {
					l.Catches[c.Defect] = c.Check
				}
				all = append(all, l)
			}
			if asJSON {
				e := json.NewEncoder(cmd.OutOrStdout())
				e.SetIndent("", "  ")
				err = e.Encode(all)
			} else {
				err = printList(cmd.OutOrStdout(), all)
			}
			if err != nil {
				return exitWith(exitNotRun, err)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

func printList(w io.Writer, all []listed) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "SCENARIO\tINCIDENTS\tTARGET\tCATCHES")
	for _, l := range all {
		fmt.Fprintf(t, "%s\t%v\t%s\t%d defects\n", l.Name, l.Incidents, l.Target, len(l.Catches))
	}
	return t.Flush()
}

// discover asks the scripts among paths, by default those in scenarios/, what they declare.
func discover(cmd *cobra.Command, paths []string) ([]suite.Scenario, error) {
	if len(paths) == 0 {
		paths = []string{"scenarios"}
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find our own binary: %w", err)
	}
	return suite.Discover(cmd.Context(), paths, suite.Describer(self, describeEnv))
}

// exactly is cobra.ExactArgs with an exit code of ours.
func exactly(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := cobra.ExactArgs(n)(cmd, args); err != nil {
			return exitWith(exitNotRun, fmt.Errorf("%w; usage: k6 x comeback %s", err, cmd.Use))
		}
		return nil
	}
}

// exitWith prints err and ends the process with a code of ours; k6 would make any error a 255.
func exitWith(code int, err error) error {
	if err != nil {
		fmt.Fprintf(os.Stderr, "comeback: %v\n", err)
	}
	os.Exit(code)
	return errors.New("not reached")
}
