// Command legacy-proxy is the proxy with one known defect: --defect NAME, then the settings of the proxy;
// --list-defects prints the names.
package main

import (
	"os"

	legacyproxy "github.com/comeback-chaos/xk6-comeback/targets/legacy/proxy"
)

func main() {
	os.Exit(legacyproxy.Main(os.Args[1:], os.Stdout, os.Stderr))
}
