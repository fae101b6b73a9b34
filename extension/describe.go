package extension

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/comeback-chaos/xk6-comeback/harness"
)

// describeEnv names the file to which a process writes what its script declared. The list command
// sets it for `k6 inspect`, which runs the top of a script and nothing more.
const describeEnv = "COMEBACK_DESCRIBE"

func describe(spec harness.Spec, path string) error {
	text, err := json.Marshal(spec)
	if err != nil {
		return fmt.Errorf("describe the scenario: %w", err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return fmt.Errorf("describe the scenario: %w", err)
	}
	return nil
}
