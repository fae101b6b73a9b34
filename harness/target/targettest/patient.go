// Package targettest is for tests that run our own targets. Patient is its one function; which targets there are, and
// how they start, it does not know.
package targettest

import (
	"fmt"
	"strings"
)

// patient is what of our comeback.yaml is too strict for a machine on which other tests run as well, and what tests
// want instead. A check's time may not be longer than the interval, so more of them have to fail.
var patient = []struct{ strict, mild string }{
	{"interval: 200ms, timeout: 150ms, healthy: 2, unhealthy: 2", "interval: 200ms, timeout: 200ms, healthy: 2, unhealthy: 25"},
	{"FIRST_BYTE_TIMEOUT: 1s ", "FIRST_BYTE_TIMEOUT: 10s "},
	{"AI_TIMEOUT: 2s ", "AI_TIMEOUT: 10s "},
	{"AMQP_TIMEOUT: 1s ", "AMQP_TIMEOUT: 10s "},
}

// Patient gives our comeback.yaml with targets that wait longer before they take what is slow for broken. An error means
// that there is nothing of what it should replace.
func Patient(file []byte) ([]byte, error) {
	text := string(file)
	for _, p := range patient {
		if !strings.Contains(text, p.strict) {
			return nil, fmt.Errorf("comeback.yaml has no %q, for which tests want %q", p.strict, p.mild)
		}
		text = strings.ReplaceAll(text, p.strict, p.mild)
	}
	return []byte(text), nil
}
