package consumertest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Swap sets the host's swap, in kB. Total and free 0 is what it is before it is set up.
func (l *Lab) Swap(t testing.TB, total, free int) {
	t.Helper()
	text := fmt.Sprintf("MemTotal: 1000 kB\nMemFree: 500 kB\nMemAvailable: 500 kB\nSwapTotal: %d kB\nSwapFree: %d kB\n", total, free)
	replace(t, filepath.Join(l.Proc, "meminfo"), text, 0o600)
}

// Hook writes the executable of that name (restart, terminate): it notes its arguments and then runs
// the shell script.
func (l *Lab) Hook(t testing.TB, name, script string) {
	t.Helper()
	path := filepath.Join(l.Hooks, name)
	replace(t, path, fmt.Sprintf("#!/bin/sh\necho \"$*\" >> %s.calls\n%s\n", path, script), 0o700)
}

// Calls gives the arguments of each call of a hook.
func (l *Lab) Calls(name string) []string {
	text, err := os.ReadFile(filepath.Join(l.Hooks, name+".calls"))
	if err != nil {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

func replace(t testing.TB, path, text string, mode os.FileMode) {
	t.Helper()
	require.NoError(t, os.WriteFile(path+".next", []byte(text), mode))
	require.NoError(t, os.Rename(path+".next", path))
}
