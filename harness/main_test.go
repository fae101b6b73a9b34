package harness_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/comeback-chaos/xk6-comeback/fakes/aiworker"
	"github.com/comeback-chaos/xk6-comeback/fakes/hooks"
	"github.com/comeback-chaos/xk6-comeback/fakes/upstream"
	"github.com/comeback-chaos/xk6-comeback/harness/target/targettest"
)

// targets is our comeback.yaml beside freshly built targets.
var targets string

// TestMain also makes the test binary what a lab runs for its fakes, as the k6 binary is.
func TestMain(m *testing.M) {
	if len(os.Args) > 4 && os.Args[1] == "x" && os.Args[2] == "comeback" && os.Args[3] == "fake" {
		os.Exit(fake(os.Args[4], os.Args[5:]))
	}
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "comeback-harness-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "bin")+"/", "../targets/consumer/cmd/consumer", "../targets/proxy/cmd/proxy").CombinedOutput()
		if err != nil {
			fmt.Fprintf(os.Stderr, "build the targets: %v\n%s", err, out)
			return 1
		}
		text, err := os.ReadFile("../comeback.yaml")
		if err == nil {
			text, err = targettest.Patient(text)
		}
		if err == nil {
			targets = filepath.Join(dir, "comeback.yaml")
			err = os.WriteFile(targets, text, 0o600)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

func fake(kind string, args []string) int {
	flags := flag.NewFlagSet(kind, flag.ExitOnError)
	socket := flags.String("socket", "", "")
	name := flags.String("name", "", "")
	addr := flags.String("addr", "", "")
	_ = flags.Parse(args)
	var err error
	switch kind {
	case "hook":
		return hooks.Run(context.Background(), *socket, *name, flags.Args(), os.Stderr)
	case "aiworker":
		err = aiworker.Run(context.Background(), aiworker.Options{Socket: *socket, Addr: *addr})
	case "upstream":
		err = upstream.Run(context.Background(), upstream.Options{Socket: *socket, Name: *name, Addr: *addr})
	default:
		err = fmt.Errorf("no fake %q", kind)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
