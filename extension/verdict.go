package extension

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/comeback-chaos/xk6-comeback/harness"
	"github.com/comeback-chaos/xk6-comeback/harness/check"
	"github.com/comeback-chaos/xk6-comeback/reports"
)

// The exit codes of a run, where k6 has no error of its own to report.
const (
	exitFail    = 1
	exitUnknown = 2
	exitNotRun  = 3
)

func verdictCode(v check.Verdict) int {
	switch v {
	case check.Pass:
		return 0
	case check.Fail:
		return exitFail
	default:
		return exitUnknown
	}
}

// writeVerdict puts the judgement beside the history that it is about.
func writeVerdict(dir string, j *check.Judgement) error {
	path := filepath.Join(dir, harness.VerdictFile)
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write the verdict: %w", err)
	}
	if err := errors.Join(reports.JSON(f, j), f.Close()); err != nil {
		return fmt.Errorf("write the verdict to %s: %w", path, err)
	}
	return nil
}
