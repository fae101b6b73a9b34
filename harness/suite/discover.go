package suite

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/comeback-chaos/xk6-comeback/harness"
)

// Scenario is a script and what it declares.
type Scenario struct {
	File string
	harness.Spec
	Instead bool // it runs on another target than its script names: see Retarget
}

// ErrNone says that a folder has no scenario.
var ErrNone = errors.New("no scenario (*.js, *.ts) found")

// Discover lists the scenarios among paths: scripts, or folders whose scripts are taken. describe
// asks one script for its declaration. The scripts are asked side by side, two at a time.
func Discover(ctx context.Context, paths []string, describe func(ctx context.Context, file string) (harness.Spec, error)) ([]Scenario, error) {
	files, err := scripts(paths)
	if err != nil {
		return nil, err
	}
	found := make([]Scenario, len(files))
	errs := make([]error, len(files))
	slots := make(chan struct{}, 2)
	var wg sync.WaitGroup
	for i, file := range files {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			spec, err := describe(ctx, file)
			if err != nil {
				errs[i] = fmt.Errorf("%s: %w", file, err)
			}
			found[i] = Scenario{File: file, Spec: spec}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return found, unique(found)
}

// unique refuses two scenarios of one name: their runs would share a folder.
func unique(found []Scenario) error {
	files := map[string]string{}
	for _, s := range found {
		if other, ok := files[s.Name]; ok {
			return fmt.Errorf("%s and %s are both named %s: give one another name", other, s.File, s.Name)
		}
		files[s.Name] = s.File
	}
	return nil
}

func scripts(paths []string) ([]string, error) {
	var files []string
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("look for scenarios: %w", err)
		}
		if !info.IsDir() {
			files = append(files, path)
			continue
		}
		for _, pattern := range []string{"*.js", "*.ts"} {
			found, err := filepath.Glob(filepath.Join(path, pattern))
			if err != nil {
				return nil, fmt.Errorf("look for scenarios in %s: %w", path, err)
			}
			files = append(files, found...)
		}
	}
	files = slices.DeleteFunc(files, func(f string) bool { return strings.HasSuffix(f, ".d.ts") })
	if len(files) == 0 {
		return nil, fmt.Errorf("%w in %s", ErrNone, strings.Join(paths, ", "))
	}
	slices.Sort(files)
	return slices.Compact(files), nil
}

// Describer asks scripts through `k6 inspect`, which runs the top of a script only. env is the name
// of the variable that tells the extension where to write.
func Describer(k6, env string) func(context.Context, string) (harness.Spec, error) {
	return func(ctx context.Context, file string) (harness.Spec, error) {
		var spec harness.Spec
		dir, err := os.MkdirTemp("", "comeback-describe-")
		if err != nil {
			return spec, err
		}
		defer os.RemoveAll(dir)
		answer := filepath.Join(dir, "spec.json")
		cmd := exec.CommandContext(ctx, k6, "inspect", file)
		cmd.Env = append(os.Environ(), env+"="+answer)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		if err := cmd.Run(); err != nil {
			return spec, fmt.Errorf("read the script's declaration: %w: %s", err, strings.TrimSpace(stderr.String()))
		}
		text, err := os.ReadFile(answer)
		if err != nil {
			return spec, errors.New("the script declares no run: it does not call incident() at its top")
		}
		if err := json.Unmarshal(text, &spec); err != nil {
			return spec, fmt.Errorf("read the script's declaration: %w", err)
		}
		return spec, nil
	}
}
