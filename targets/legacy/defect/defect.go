// Package defect is the command line of a program with defects to choose from. Program is its central type.
package defect

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Exit codes of Main, the same as those of the targets.
const (
	exitOK    = 0
	exitUsage = 2
)

// Program is a target of that name with one of Defects, whichever it is started with.
type Program struct {
	Name    string
	Defects []string
}

// Main is the program: args start with -defect NAME or are -list-defects. Run starts the target with the
// i-th defect; the rest of args goes to it. The result is the exit code.
func (p Program) Main(args []string, stdout, stderr io.Writer, run func(i int, rest []string) int) int {
	if len(args) > 0 && strings.TrimLeft(args[0], "-") == "list-defects" {
		for _, name := range p.Defects {
			fmt.Fprintln(stdout, name)
		}
		return exitOK
	}
	name, rest, ok := cut(args)
	if !ok {
		fmt.Fprintf(stderr, "%s: want --defect NAME first, or --list-defects\n", p.Name)
		return exitUsage
	}
	i := slices.Index(p.Defects, name)
	if i < 0 {
		fmt.Fprintf(stderr, "%s: unknown defect %q; known are: %s\n", p.Name, name, strings.Join(p.Defects, ", "))
		return exitUsage
	}
	return run(i, rest)
}

// cut takes "--defect NAME" or "--defect=NAME" off the front.
func cut(args []string) (name string, rest []string, ok bool) {
	if len(args) == 0 || !strings.HasPrefix(args[0], "-") {
		return "", nil, false
	}
	flag, value, given := strings.Cut(strings.TrimLeft(args[0], "-"), "=")
	switch {
	case flag != "defect":
		return "", nil, false
	case given:
		return value, args[1:], true
	case len(args) > 1:
		return args[1], args[2:], true
	default:
		return "", nil, false
	}
}
