// Command k6 is k6 with Comeback compiled in: the plain go build of this package is our bin/k6.
package main

import (
	"os"

	k6cmd "go.k6.io/k6/v2/cmd"

	_ "github.com/comeback-chaos/xk6-comeback"
)

func main() {
	// k6 reads its environment once, when Execute builds its state: defaults must be set before.
	for name, value := range map[string]string{
		"K6_AUTO_EXTENSION_RESOLUTION": "false",
		"K6_NO_USAGE_REPORT":           "true",
	} {
		if _, set := os.LookupEnv(name); !set {
			_ = os.Setenv(name, value)
		}
	}
	k6cmd.Execute()
}
