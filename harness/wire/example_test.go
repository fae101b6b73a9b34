package wire_test

import (
	"context"
	"fmt"

	"github.com/comeback-chaos/xk6-comeback/harness/wire"
)

// A wire in front of a broker, with a fault on the fifth ack: the connection is reset right after
// the broker has got it.
func Example() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	w, err := wire.Listen(ctx, wire.Config{Role: "consumer/0", Upstream: "127.0.0.1:5672", Tap: func(e *wire.Event) {
		fmt.Println(e.Conn, e.Dir, e.Method, e.Tag)
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	rule := w.Add(wire.Rule{
		Name:   "ack-cut",
		Match:  wire.Match{Dir: wire.ToBroker, Method: wire.BasicAck, Nth: 5},
		Action: wire.Cut{When: wire.After},
	})
	defer rule.Remove()
	// … clients dial w.Addr(); <-rule.Hit() tells that the fault is in effect.
	fmt.Println(rule.Hits())
	// Output: 0
}
