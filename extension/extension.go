// Package extension is the JS binding.
package extension

import (
	_ "github.com/grafana/sobek"
	_ "github.com/sirupsen/logrus"
	_ "github.com/spf13/cobra"
	_ "go.k6.io/k6/v2/cmd/state"
	_ "go.k6.io/k6/v2/js/modules"
	_ "go.k6.io/k6/v2/subcommand"
)
