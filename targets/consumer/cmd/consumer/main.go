// Command consumer takes image jobs from a queue, has the AI process on its host do them and reports
// the images. Run it with -help for its settings.
package main

import (
	"os"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
)

func main() {
	os.Exit(consumer.Main(os.Args[1:], os.Stdout, os.Stderr, nil))
}
