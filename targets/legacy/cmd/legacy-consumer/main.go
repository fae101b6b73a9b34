// Command legacy-consumer is the consumer with one known defect: --defect NAME, then the settings of
// the consumer; --list-defects prints the names.
package main

import (
	"os"

	"github.com/comeback-chaos/xk6-comeback/targets/legacy"
)

func main() {
	os.Exit(legacy.Main(os.Args[1:], os.Stdout, os.Stderr))
}
