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
)

// targets is a comeback.yaml beside a freshly built consumer.
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
		out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "bin")+"/", "../targets/consumer/cmd/consumer").CombinedOutput()
		if err != nil {
			fmt.Fprintf(os.Stderr, "build the consumer: %v\n%s", err, out)
			return 1
		}
		text, err := os.ReadFile("../comeback.yaml")
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
	if kind == "hook" {
		return hooks.Run(context.Background(), *socket, *name, flags.Args(), os.Stderr)
	}
	if err := aiworker.Run(context.Background(), aiworker.Options{Socket: *socket, Addr: *addr}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
