package reports

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/check"
)

// Version is that of the JSON formats. A new field does not change it; a changed or removed one does.
const Version = 1

type verdictFile struct {
	Version int `json:"version"`
	*check.Judgement
}

// JSON writes a judgement as verdict.json: all of it, with times in nanoseconds.
func JSON(w io.Writer, j *check.Judgement) error {
	return writeJSON(w, verdictFile{Version, j})
}

// ReadJSON reads what JSON wrote.
func ReadJSON(r io.Reader) (*check.Judgement, error) {
	f := verdictFile{Judgement: &check.Judgement{}}
	d := json.NewDecoder(r)
	if err := d.Decode(&f); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("reports: reading a verdict: %w", err)
	}
	if f.Version != Version {
		return nil, fmt.Errorf("reports: reading a verdict: its version is %d, this program reads %d", f.Version, Version)
	}
	if d.More() {
		return nil, errors.New("reports: reading a verdict: there is more after its end")
	}
	return f.Judgement, nil
}

type suiteFile struct {
	Version      int           `json:"version"`
	Verdict      check.Verdict `json:"verdict"`
	Counts       Counts        `json:"counts"`
	Wall         time.Duration `json:"wall"`
	CriticalPath time.Duration `json:"criticalPath"`
	Parallel     int           `json:"parallel"`
	Uncaught     []string      `json:"uncaught,omitempty"`
	Runs         []suiteRun    `json:"runs"`
}

type suiteRun struct {
	Scenario string           `json:"scenario"`
	Target   string           `json:"target"`
	Defect   string           `json:"defect,omitempty"`
	Want     string           `json:"want,omitempty"`
	Outcome  string           `json:"outcome"`
	Reason   string           `json:"reason"`
	Wall     time.Duration    `json:"wall"`
	Dir      string           `json:"dir,omitempty"`
	Verdict  *check.Judgement `json:"judgement,omitempty"`
}

// SuiteJSON writes a suite as suite.json, every judgement included.
func SuiteJSON(w io.Writer, s *Suite) error {
	f := suiteFile{
		Version: Version, Verdict: s.Verdict(), Counts: s.Counts(),
		Wall: s.Wall, CriticalPath: s.CriticalPath, Parallel: s.Parallel, Uncaught: s.Uncaught, Runs: []suiteRun{},
	}
	for _, r := range s.Runs {
		f.Runs = append(f.Runs, suiteRun{
			Scenario: r.Scenario, Target: r.Target, Defect: r.Defect, Want: r.Want, Outcome: r.Outcome(), Reason: r.Reason(),
			Wall: r.Wall, Dir: r.Dir, Verdict: r.Judgement,
		})
	}
	return writeJSON(w, f)
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
