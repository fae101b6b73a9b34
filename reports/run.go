package reports

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/check"
)

// MissingProgram begins the reason of a run that was skipped because this machine lacks a program.
const MissingProgram = "missing: "

// Run is one run of a suite: a scenario on its target, or on a defect of it that it must catch.
// One of Judgement, Skipped and Err is set; a Run with none of them has no verdict. Err beside Judgement
// means that the run went wrong although it left a verdict, a crossed threshold for one: the verdict is
// then shown and never counts.
type Run struct {
	Scenario  string
	Target    string
	Defect    string // "": the target itself
	Want      string // the check that must fail on the defect
	Judgement *check.Judgement
	Skipped   string // why it cannot run here
	Err       string // why it has no verdict, or none that counts
	Wall      time.Duration
	Dir       string // folder with its history, logs and verdict
}

// Suite is a set of runs.
type Suite struct {
	Runs         []Run
	Wall         time.Duration // of the whole suite
	CriticalPath time.Duration // of the longest run: no more parallelism makes the suite shorter
	Parallel     int           // runs side by side
	Uncaught     []string      // with teeth: defects that no scenario says to catch; any is a failure
}

// Name is the scenario, with the defect if there is one.
func (r Run) Name() string {
	if r.Defect == "" {
		return r.Scenario
	}
	return r.Scenario + "×" + r.Defect
}

// Outcome is one word: pass, fail, unknown, error (no verdict that counts) or skipped; for a run on a defect caught
// or missed in the place of the first three.
func (r Run) Outcome() string {
	switch {
	case r.Skipped != "":
		return "skipped"
	case r.Err != "" || r.Judgement == nil:
		return "error"
	case r.Defect == "":
		return r.Judgement.Verdict.String()
	}
	if caught, _ := r.Caught(); caught {
		return "caught"
	}
	return "missed"
}

// Green tells whether there is nothing to look into: it passed, was caught as it must be, or could not run here.
func (r Run) Green() bool {
	switch r.Outcome() {
	case "pass", "caught", "skipped":
		return true
	}
	return false
}

// Reason is one sentence on what decided the outcome.
func (r Run) Reason() string {
	switch {
	case r.Skipped != "":
		return r.Skipped
	case r.Err != "" || r.Judgement == nil:
		return r.wrong()
	case r.Defect == "":
		return cmp.Or(r.Judgement.Reason, "the verdict has no reason")
	}
	_, why := r.Caught()
	return why
}

// wrong is one sentence on why no verdict counts, and which one does not.
func (r Run) wrong() string {
	why := cmp.Or(r.Err, "the run left no verdict")
	if r.Judgement == nil {
		return why
	}
	return fmt.Sprintf("%s (its verdict, %s, does not count: %s)", why, r.Judgement.Verdict, cmp.Or(r.Judgement.Reason, "it has no reason"))
}

// Caught tells whether the run failed for the check that its defect must fail, and why or why not.
func (r Run) Caught() (bool, string) {
	if r.Judgement == nil || r.Err != "" || r.Skipped != "" {
		return false, cmp.Or(r.Skipped, r.wrong())
	}
	var failed []string
	found := "is not among the checks"
	for _, res := range r.Judgement.Results {
		if res.Verdict == check.Fail {
			failed = append(failed, res.Check)
		}
		if res.Check != r.Want {
			continue
		}
		if res.Verdict == check.Fail {
			return true, res.Reason
		}
		found = fmt.Sprintf("is %s: %s", res.Verdict, res.Reason)
	}
	if len(failed) > 0 {
		found += "; what failed is " + strings.Join(failed, ", ")
	}
	return false, fmt.Sprintf("%s must fail and %s", cmp.Or(r.Want, "(no check is named that)"), found)
}

// Counts are numbers of runs by outcome. Caught counts as pass and missed as fail.
type Counts struct {
	Pass    int `json:"pass"`
	Fail    int `json:"fail"`
	Unknown int `json:"unknown"`
	Error   int `json:"error"`
	Skipped int `json:"skipped"`
}

// Counts counts the runs by outcome.
func (s *Suite) Counts() (c Counts) {
	for _, r := range s.Runs {
		switch r.Outcome() {
		case "pass", "caught":
			c.Pass++
		case "fail", "missed":
			c.Fail++
		case "skipped":
			c.Skipped++
		case "error":
			c.Error++
		default:
			c.Unknown++
		}
	}
	return c
}

// Verdict is fail if any run failed or a defect is caught by nothing; else unknown if any has no green verdict, or if nothing ran at all,
// for that proves nothing; else pass. Skipped runs do not count.
func (s *Suite) Verdict() check.Verdict {
	c := s.Counts()
	switch {
	case c.Fail > 0 || len(s.Uncaught) > 0:
		return check.Fail
	case c.Unknown > 0 || c.Error > 0 || c.Pass == 0:
		return check.Unknown
	}
	return check.Pass
}

// CouldNotRun tells whether no run left a verdict and at least one is an error: what is wrong is then
// most likely the same for all, and not the target.
func (s *Suite) CouldNotRun() bool {
	for _, r := range s.Runs {
		if r.Judgement != nil && r.Skipped == "" {
			return false
		}
	}
	return s.Counts().Error > 0
}

// nothing says why a suite proves nothing at all; "" when it may prove something.
func (s *Suite) nothing() string {
	switch {
	case s.CouldNotRun():
		return "no run could be made, which proves nothing: "
	case s.Counts().Skipped == len(s.Runs):
		return "nothing was run, which proves nothing: "
	}
	return ""
}

// ExitCode is 0 for pass, 1 for fail, 2 for unknown, a suite that only skipped included, and 3 where no
// run could be made (see CouldNotRun). With teeth every run must be on a defect: one on the
// target itself says nothing about teeth, and makes it 2 at least.
func (s *Suite) ExitCode(teeth bool) int {
	v := s.Verdict()
	switch v {
	case check.Pass:
		for _, r := range s.Runs {
			if teeth && r.Defect == "" {
				return check.Unknown.Code()
			}
		}
	case check.Unknown:
		if s.CouldNotRun() {
			return 3
		}
	}
	return v.Code()
}
