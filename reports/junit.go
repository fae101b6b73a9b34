package reports

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/check"
)

type junitSuites struct {
	XMLName xml.Name `xml:"testsuites"`
	junitCounts
	Suites []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name string `xml:"name,attr"`
	junitCounts
	Timestamp  string           `xml:"timestamp,attr,omitempty"`
	Properties *junitProperties `xml:"properties"`
	Cases      []junitCase      `xml:"testcase"`
}

type junitProperties struct {
	Property []junitProperty `xml:"property"`
}

type junitCounts struct {
	Tests    int    `xml:"tests,attr"`
	Failures int    `xml:"failures,attr"`
	Errors   int    `xml:"errors,attr"`
	Skipped  int    `xml:"skipped,attr"`
	Time     string `xml:"time,attr"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Class   string      `xml:"classname,attr"`
	Name    string      `xml:"name,attr"`
	Time    string      `xml:"time,attr"`
	Failure *junitFault `xml:"failure,omitempty"`
	Error   *junitFault `xml:"error,omitempty"`
	Skipped *junitFault `xml:"skipped,omitempty"`
}

type junitFault struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// JUnit writes a suite as JUnit XML: a testsuite for each run and a testcase for each check. A failed
// check is a failure, an unknown one an error, and a run without a verdict that counts an error, beside its checks. A run on a
// defect has one testcase, the check that must fail there: it passes when that check failed.
func JUnit(w io.Writer, s *Suite) error {
	all := junitSuites{}
	for _, r := range s.Runs {
		suite := junitRun(r)
		all.Suites = append(all.Suites, suite)
		all.add(suite.junitCounts)
	}
	all.Time = seconds(s.Wall)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func junitRun(r Run) junitSuite {
	s := junitSuite{Name: r.Name(), Cases: junitCases(r)}
	for i := range s.Cases {
		c := &s.Cases[i]
		c.Class, c.Name, c.Time = r.Name(), r.Name()+" / "+c.Name, seconds(0)
		s.Tests++
		switch {
		case c.Failure != nil:
			s.Failures++
		case c.Error != nil:
			s.Errors++
		case c.Skipped != nil:
			s.Skipped++
		}
	}
	s.Cases[0].Time = seconds(r.Wall) // the run is timed as a whole
	s.Time = seconds(r.Wall)
	if j := r.Judgement; j != nil {
		if !j.Meta.Started.IsZero() {
			s.Timestamp = j.Meta.Started.UTC().Format("2006-01-02T15:04:05")
		}
		s.Properties = &junitProperties{[]junitProperty{
			{"outcome", r.Outcome()}, {"verdict", j.Verdict.String()}, {"seed", strconv.FormatUint(j.Meta.Seed, 10)}, {"repeat", j.Meta.Repeat},
			{"recovery", recoveryWord(r)}, {"dir", r.Dir},
		}}
	}
	return s
}

// junitCases gives at least one testcase, and a green one only for what is green.
func junitCases(r Run) []junitCase {
	fault := &junitFault{Message: r.Reason()}
	switch r.Outcome() {
	case "skipped":
		return []junitCase{{Name: "run", Skipped: fault}}
	case "error":
		return append(junitChecks(r), junitCase{Name: "run", Error: fault})
	case "caught":
		return []junitCase{{Name: r.Want}}
	case "missed":
		return []junitCase{{Name: cmp.Or(r.Want, "teeth"), Failure: fault}}
	}
	cases := junitChecks(r)
	worst := check.Pass
	for _, res := range r.Judgement.Results {
		if worst != check.Fail && res.Verdict != check.Pass {
			worst = res.Verdict
		}
	}
	if len(cases) == 0 || worst != r.Judgement.Verdict { // the checks alone do not tell the verdict
		cases = append(cases, junitCheck("verdict", r.Judgement.Verdict, r.Reason(), nil))
	}
	return cases
}

// junitChecks gives the checks of a run on the target itself; on a defect red ones are no news.
func junitChecks(r Run) (cases []junitCase) {
	if r.Judgement == nil || r.Defect != "" {
		return nil
	}
	for _, res := range r.Judgement.Results {
		cases = append(cases, junitCheck(res.Check, res.Verdict, res.Reason, res.Examples))
	}
	return cases
}

func junitCheck(name string, v check.Verdict, reason string, examples []string) junitCase {
	c := junitCase{Name: name}
	fault := &junitFault{Message: reason, Text: strings.Join(examples, "\n")}
	switch v {
	case check.Pass:
	case check.Fail:
		c.Failure = fault
	default:
		c.Error = fault
	}
	return c
}

func (c *junitCounts) add(o junitCounts) {
	c.Tests += o.Tests
	c.Failures += o.Failures
	c.Errors += o.Errors
	c.Skipped += o.Skipped
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }
