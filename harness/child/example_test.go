package child_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/child"
)

func Example() {
	ctx := context.Background()
	group, err := child.NewGroup(ctx, child.Options{
		OnExit: func(name string, _ int, e child.Exit, expected bool) { fmt.Println(name, e, expected) },
	})
	if err != nil {
		log.Fatal(err)
	}
	defer group.Close() // nothing of it is left after this, or after kill -9 of this very process

	p, err := group.Start(child.Spec{Name: "worker", Path: "sleep", Args: []string{"1000"}})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := p.Stop(ctx, 5*time.Second); err != nil {
		log.Fatal(err)
	}
	// Output: worker killed by SIGTERM (143) true
}
