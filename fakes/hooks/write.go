package hooks

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// WriteScript writes the executable that a target is given as its hook: a two-line shell script that
// becomes `self args… "$@"`. An argument that the caller's own must not be mistaken for (a "--")
// belongs at the end of args. An existing file is replaced.
func WriteScript(path, self string, args ...string) error {
	line := "exec"
	for _, word := range append([]string{self}, args...) {
		if strings.ContainsRune(word, 0) {
			return fmt.Errorf("write hook %s: argument %q holds a zero byte", path, word)
		}
		line += " " + quote(word)
	}
	if err := writeExecutable(path, "#!/bin/sh\n"+line+` "$@"`+"\n"); err != nil {
		return fmt.Errorf("write hook: %w", err)
	}
	return nil
}

// writeExecutable lets no child be forked while the file is open for writing: a child that inherited
// the descriptor would make the script's first run fail with "text file busy".
func writeExecutable(path, text string) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o700)
}

// quote makes one word of s for the shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
