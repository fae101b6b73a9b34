package check

import "fmt"

// Verdict is the outcome of a check or of a run. Its zero value is Unknown, which is never green.
type Verdict uint8

// The verdicts.
const (
	Unknown Verdict = iota // it could not be told
	Pass
	Fail
)

var verdictNames = [...]string{Unknown: "unknown", Pass: "pass", Fail: "fail"}

// String gives "unknown", "pass" or "fail".
func (v Verdict) String() string {
	if int(v) >= len(verdictNames) {
		return verdictNames[Unknown]
	}
	return verdictNames[v]
}

// Code is what a run with this verdict exits with: 0 for pass, 1 for fail, 2 for unknown.
func (v Verdict) Code() int {
	switch v {
	case Pass:
		return 0
	case Fail:
		return 1
	}
	return 2
}

// MarshalText gives String.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText accepts what MarshalText gives, and nothing else.
func (v *Verdict) UnmarshalText(text []byte) error {
	for i, name := range verdictNames {
		if name == string(text) {
			*v = Verdict(i)
			return nil
		}
	}
	return fmt.Errorf("no such verdict: %q; it is one of unknown, pass, fail", text)
}

// overall gives a run's verdict: fail if any check failed, else unknown if any is unknown or there is
// none, else pass.
func overall(results []Result) Verdict {
	all := Pass
	for _, r := range results {
		switch r.Verdict {
		case Fail:
			return Fail
		case Pass:
		default:
			all = Unknown
		}
	}
	if len(results) == 0 {
		return Unknown
	}
	return all
}
