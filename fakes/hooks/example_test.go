package hooks_test

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/hooks"
	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

// The first restart is killed for memory, the second hangs for ten seconds and then says so, the
// third and all further ones work.
func ExampleDesk_Plan() {
	var desk hooks.Desk
	_, err := desk.Plan(hooks.Restart,
		hooks.Step{Signal: "KILL"},
		hooks.Step{Delay: script.Duration(10 * time.Second), Stderr: "the GPU is busy\n", Code: 42},
		hooks.Step{Restart: true, Code: 1},
	)
	fmt.Println(err)
	_, err = desk.Plan(hooks.Restart, hooks.Step{Code: 300})
	fmt.Println(err)
	// Output:
	// <nil>
	// plan of hook "restart", step 1: code 300 is no exit code: want 0 to 255
}

func ExampleWriteScript() {
	dir, err := os.MkdirTemp("", "hooks")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "restart")
	if err := hooks.WriteScript(path, "/opt/k6", "x", "comeback", "fake", "hook", "--socket", "/tmp/lab's/s", "--name", "restart", "--"); err != nil {
		fmt.Println(err)
		return
	}
	text, err := os.ReadFile(path)
	fmt.Print(string(text), err)
	// Output:
	// #!/bin/sh
	// exec '/opt/k6' 'x' 'comeback' 'fake' 'hook' '--socket' '/tmp/lab'\''s/s' '--name' 'restart' '--' "$@"
	// <nil>
}
