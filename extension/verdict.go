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

// exitNotRun is what a run without a verdict that counts exits with; check.Verdict has the other codes. It is for
// where k6 has no error of its own to report.
const exitNotRun = 3

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
