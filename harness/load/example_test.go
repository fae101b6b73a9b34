package load_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/load"
)

// A message every 10 ms for a second, whether the broker is up or not; then a look at what became of them.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	p, err := load.Open(ctx, load.Options{URL: "amqp://guest:guest@127.0.0.1:5672/", Queue: "images"})
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close(ctx)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 100 {
		<-tick.C
		if _, err := p.Submit([]byte(`{"prompt":"a cat"}`), load.Props{ContentType: "application/json"}); err != nil {
			log.Print(err) // the buffer is full: the load could not be offered
		}
	}
	if err := p.Settled(ctx); err != nil {
		log.Print(err)
	}
	c := p.Counts()
	fmt.Println(c.Offered, "offered", c.Confirmed, "confirmed", c.Unknown, "unknown")
}
