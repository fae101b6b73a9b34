package proxytest

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// Main runs the tests of a package and then looks for goroutines that are left. It looks for longer than goleak does
// by itself: net/http lets a connection that it has answered early linger for half a second.
func Main(m *testing.M) {
	if code := m.Run(); code != 0 {
		os.Exit(code)
	}
	const patience = 5 * time.Second
	for began := time.Now(); ; {
		err := goleak.Find()
		if err == nil {
			return
		}
		if time.Since(began) > patience {
			fmt.Fprintln(os.Stderr, "goroutines are left:", err)
			os.Exit(1)
		}
	}
}
