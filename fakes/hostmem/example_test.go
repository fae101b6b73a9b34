package hostmem_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/comeback-chaos/xk6-comeback/fakes/hostmem"
)

// A host that has not set up its swap yet, as a target with HOST_PROC=dir sees it.
func Example() {
	dir, err := os.MkdirTemp("", "proc")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	read := make(chan hostmem.State)
	host := hostmem.New(dir)
	host.OnRead = func(s hostmem.State) { read <- s }
	if err := host.Set(hostmem.Unset()); err != nil {
		fmt.Println(err)
		return
	}
	if _, err := os.ReadFile(filepath.Join(dir, "meminfo")); err != nil { // the target
		fmt.Println(err)
	}
	fmt.Println("read:", (<-read).Name)
	if err := host.Close(); err != nil {
		fmt.Println(err)
	}
	// Output: read: unset
}
