package control_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/comeback-chaos/xk6-comeback/fakes/control"
)

// greeter is the lab's side of a fake.
type greeter struct{}

func (greeter) Serve(_ context.Context, c *control.Conn) error {
	return c.Send("greeting", "hello, "+c.Peer().Name)
}

func Example() {
	dir, err := os.MkdirTemp("", "lab")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	server, err := control.Listen(filepath.Join(dir, "control"), control.Mux{"guest": greeter{}}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()

	conn, err := control.Dial(context.Background(), server.Path(), control.Hello{Role: "guest", Name: "Ada"})
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := conn.Receive()
	fmt.Println(m.Type, string(m.Body), err)
	_, err = conn.Receive()
	fmt.Println(err)
	// Output:
	// greeting "hello, Ada" <nil>
	// EOF
}
