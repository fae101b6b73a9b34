// Command proxy spreads HTTP requests over backends and keeps their faults away from the clients. Run it
// with -help for its settings.
package main

import (
	"os"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy"
)

func main() {
	os.Exit(proxy.Main(os.Args[1:], os.Stdout, os.Stderr, nil))
}
