package suite

import (
	"fmt"
	"time"

	"github.com/comeback-chaos/xk6-comeback/reports"
)

// progress tells that a run has ended, and at once why it is not green.
func (e *executor) progress(r reports.Run) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.done++
	name := r.Scenario
	if r.Defect != "" {
		name += " on " + r.Defect
	}
	why := ""
	if !r.Green() {
		why = ": " + r.Reason()
	}
	fmt.Fprintf(e.Progress, "%3d/%d  %-8s %s  %.1f s%s\n", e.done, e.total, r.Outcome(), name, r.Wall.Round(100*time.Millisecond).Seconds(), why)
}
