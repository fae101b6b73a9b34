package broker_test

import (
	"context"
	"fmt"
	"log"

	"github.com/comeback-chaos/xk6-comeback/harness/broker"
	"github.com/comeback-chaos/xk6-comeback/harness/child"
)

func ExampleOpen() {
	ctx := context.Background()
	group, err := child.NewGroup(ctx, child.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer group.Close()

	b, err := broker.Open(ctx, "local", group, nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := b.AddVhost(ctx, "run-1"); err != nil {
		log.Fatal(err)
	}
	conn, err := broker.Dial(ctx, b.URL("run-1"))
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()

	local := b.(*broker.Local) // a broker of our own can also be broken
	if err := local.Kill(); err != nil {
		log.Fatal(err)
	}
	if err := local.Start(ctx); err != nil { // with its data, on its old address
		log.Fatal(err)
	}
}

func ExampleRedact() {
	fmt.Println(broker.Redact("amqp://guest:guest@localhost:5672/"))
	// Output: amqp://guest:xxxxx@localhost:5672/
}
