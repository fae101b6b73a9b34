package asgi

import (
	"fmt"
	"strings"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
	"github.com/comeback-chaos/xk6-comeback/fakes/upstream"
)

// Ledger reads a line of the server's stdout; ok is false for a line that is no record. As an upstream's, a
// record comes twice, and without an end from a worker that was killed. Whether the caller had gone it
// does not tell.
func Ledger(line string) (r upstream.Record, ok bool, err error) {
	text, ok := strings.CutPrefix(line, "ledger ")
	if !ok {
		return r, false, nil
	}
	var w struct {
		Pid int `json:"pid"`
		upstream.Record
	}
	if err := script.Decode([]byte(text), &w); err != nil {
		return r, false, fmt.Errorf("malformed record of an ASGI server %q: %w", line, err)
	}
	w.Record.Pid = w.Pid
	return w.Record, true, nil
}
