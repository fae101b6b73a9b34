package target

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// listLimit bounds the command that lists a target's defects.
const listLimit = 10 * time.Second

// DefectNames gives the names of the defects that the target has, as its defects command prints them.
// None when its entry has no such command.
func (t Target) DefectNames(ctx context.Context) ([]string, error) {
	if len(t.Defects) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, listLimit)
	defer cancel()
	path := t.Defects[0]
	if strings.Contains(path, "/") && !filepath.IsAbs(path) {
		path = filepath.Join(t.Dir, path)
	}
	cmd := exec.CommandContext(ctx, path, t.Defects[1:]...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("list the defects of target %s: %s: %w: %s", t.Name, strings.Join(t.Defects, " "), err, strings.TrimSpace(stderr.String()))
	}
	names := strings.Fields(string(out))
	if len(names) == 0 {
		return nil, fmt.Errorf("list the defects of target %s: %s printed no name", t.Name, strings.Join(t.Defects, " "))
	}
	return names, nil
}
