package extension

import (
	"fmt"
	"os"
	"reflect"

	"github.com/comeback-chaos/xk6-comeback/harness/check"
	"github.com/comeback-chaos/xk6-comeback/reports"
)

// The events of k6 that matter here. Their type is internal to k6; untyped constants fit it.
const (
	testEnd = 3 // the load has ended; samples may be pushed until Done
	iterEnd = 5
	exit    = 6 // the last thing before k6 ends, whatever happened
)

func (s *session) onEvent(kind int, data any) {
	switch kind {
	case testEnd:
		s.finish()
	case exit:
		err := errorField(data)
		s.finish()
		s.seal(err)
		s.leave(err)
	}
}

// onIteration records an iteration that ended in an error: k6 itself counts such a run as green.
func (s *session) onIteration(data any) {
	err := errorField(data)
	lab := s.running()
	if err == nil || lab == nil {
		return
	}
	scenario := ""
	if v := reflect.Indirect(reflect.ValueOf(data)); v.Kind() == reflect.Struct {
		if f := v.FieldByName("ScenarioName"); f.IsValid() {
			scenario = f.String()
		}
	}
	lab.ScriptError(scenario, err)
}

// errorField reads the field Error of an event's data, whose types are internal to k6.
func errorField(data any) error {
	if v := reflect.Indirect(reflect.ValueOf(data)); v.Kind() == reflect.Struct {
		if f := v.FieldByName("Error"); f.IsValid() {
			err, _ := f.Interface().(error)
			return err
		}
	}
	return fmt.Errorf("k6's event data %T has no field Error any more", data)
}

// leave prints the verdict and, when it is not green, ends the process with its code: no k6 option,
// no threshold and nothing that a script does comes after this.
func (s *session) leave(k6Err error) {
	code := s.verdict(k6Err)
	if code != 0 {
		os.Exit(code)
	}
}

func (s *session) verdict(k6Err error) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.startErr != nil:
		fmt.Fprintf(os.Stderr, "comeback: could not run: %v\n", s.startErr)
		return exitNotRun
	case s.finishErr != nil && s.judgement == nil:
		fmt.Fprintf(os.Stderr, "comeback: could not judge the run: %v\n", s.finishErr)
		return exitNotRun
	case s.judgement == nil && k6Err != nil:
		return 0 // k6 never came to run the script; its own error and code say why
	case s.judgement == nil:
		fmt.Fprintln(os.Stderr, "comeback: unknown: the script imports "+Name+" but started no run: call incident() at its top and run.start() in setup()")
		return check.Unknown.Code()
	}
	report := reports.Text
	if isTerminal(os.Stdout) && os.Getenv("NO_COLOR") == "" {
		report = reports.ColourText
	}
	if err := report(os.Stdout, s.judgement); err != nil {
		fmt.Fprintf(os.Stderr, "comeback: could not print the verdict: %v\n", err)
		return exitNotRun
	}
	if s.finishErr != nil {
		fmt.Fprintf(os.Stderr, "comeback: this verdict does not count, the run could not be ended as it should: %v\n", s.finishErr)
		return exitNotRun
	}
	return s.judgement.Verdict.Code()
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
