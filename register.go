// Package comeback is what `xk6 build --with` imports: importing it registers the JS module
// k6/x/comeback and the subcommands `k6 x comeback …`. Everything else lives in extension/.
package comeback

import (
	_ "github.com/comeback-chaos/xk6-comeback/extension"
)
